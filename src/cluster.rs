//! Talking to a Kubernetes cluster: client, reflectors, registration, lease.
