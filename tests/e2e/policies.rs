//! Policies that the tests install.

/// Probes for all that runs for long; what controllers make of a judged workload is not judged again.
pub(crate) const PROBES: (&str, &str) = (
    "probes.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: probes}
spec:
  title: Probes
  remediation: Add probes
  severity: error
  action: Deny
  match: {kinds: [workloads], controlled: Skip}
  rules:
    - name: both
      requireProbes: {probes: [livenessProbe, readinessProbe]}
",
);

/// The same, as somebody tries it out.
pub(crate) const PROBES_WARN: (&str, &str) = (
    "probes.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: probes}
spec:
  title: Probes
  remediation: Add probes
  severity: error
  action: Warn
  match: {kinds: [workloads], controlled: Skip}
  rules:
    - name: both
      requireProbes: {probes: [livenessProbe, readinessProbe]}
",
);

/// Images from elsewhere.
pub(crate) const MIRRORS: (&str, &str) = (
    "mirrors.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: mirrors}
spec:
  title: Mirrors
  severity: warning
  action: Deny
  match: {kinds: [workloads]}
  rules:
    - name: mirrors
      rewriteImages:
        - {from: gcr.io, to: mirror.example.com/gcr.io}
        - {from: gcr.io/kubebuilder, to: kubesphere}
",
);

/// Tags that stand for something, wherever a container is; what controllers make is judged, too.
pub(crate) const PINNED: (&str, &str) = (
    "pinned.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: pinned}
spec:
  title: Tags
  severity: error
  action: Deny
  match: {kinds: [workloads]}
  rules:
    - name: tag
      forEach: allContainers
      validate: image(item.image).tag != 'latest'
      message: '{role} container {item.name} runs {item.image}'
      at: image
",
);

/// A StatefulSet's Service.
pub(crate) const HEADLESS: (&str, &str) = (
    "headless.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: headless}
spec:
  title: Headless
  severity: error
  action: Deny
  failurePolicy: Ignore
  match: {kinds: [StatefulSet]}
  rules:
    - name: service
      requireHeadlessService: {}
",
);

/// Custom resources in CEL: a limit on every change, and what may not be deleted.
pub(crate) const LIMITS: (&str, &str) = (
    "limits.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: limits}
spec:
  title: Sizes
  severity: error
  action: Deny
  match: {kinds: ['cache.example.com/*/Memcached', 'etcd.example.com/*/EtcdCluster']}
  parameters: {most: 5}
  rules:
    - name: size
      validate: object.spec.size <= params.most
      message: '{object.kind} {object.metadata.name} wants {object.spec.size} members, at most {params.most}'
      at: spec.size
---
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: keep}
spec:
  title: What is kept
  severity: error
  action: Deny
  match: {kinds: ['cache.example.com/*/Memcached', 'etcd.example.com/*/EtcdCluster'], operations: [DELETE]}
  rules:
    - name: kept
      validate: '!has(oldObject.metadata.labels) || !(\"keep\" in oldObject.metadata.labels)'
      message: '{oldObject.metadata.name} is kept'
",
);

/// Custom resources get what they do not say.
pub(crate) const CUSTOM: (&str, &str) = (
    "custom.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: custom}
spec:
  title: Custom resources
  severity: warning
  action: Deny
  match: {kinds: ['cache.example.com/*/Memcached', 'etcd.example.com/*/EtcdCluster']}
  rules:
    - name: tier
      mutate:
        - {set: metadata.labels.tier, value: data}
",
);

/// Which does not load.
pub(crate) const BROKEN: (&str, &str) = ("probes.yaml", "apiVersion: plimsoll.dev/v1alpha1\nkind: [broken\n");

/// No policy about anything that these tests make.
pub(crate) const NOTHING: (&str, &str) = (
    "nothing.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: nothing}
spec:
  title: Nothing
  match: {kinds: [PersistentVolumeClaim]}
  rules:
    - {name: nothing, validate: 'true', message: nothing}
",
);
