//! What Kubernetes means by a document.
