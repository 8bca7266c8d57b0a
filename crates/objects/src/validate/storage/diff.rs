//! What the server shows where a claim's or a volume's spec changed: a diff of the internal types (pkg/apis/core/types.go).

use super::claims::DataSources;
use crate::field::At;
use crate::go_value::{Field, GoValue, Shape, value};
use crate::unified_diff::unified_diff;

use Shape::{Bool, Int, List, Plain, Pointer, Struct, Tagged, Text};
use document::few::SortFew as _;

const CLAIM_SPEC: &[Field] = &[
    Field("AccessModes", "accessModes", Plain),
    Field("Selector", "selector", Tagged(LABEL_SELECTOR)),
    Field("Resources", "resources", Struct(RESOURCES)),
    Field("VolumeName", "volumeName", Text),
    Field("StorageClassName", "storageClassName", Plain),
    Field("VolumeMode", "volumeMode", Plain),
    Field("DataSource", "dataSource", Pointer(LOCAL_OBJECT)),
    Field("DataSourceRef", "dataSourceRef", Pointer(TYPED_OBJECT)),
    Field("VolumeAttributesClassName", "volumeAttributesClassName", Plain),
];

const LABEL_SELECTOR: &[Field] =
    &[Field("", "matchLabels", Plain), Field("", "matchExpressions", List(REQUIREMENT))];

const REQUIREMENT: &[Field] =
    &[Field("key", "key", Text), Field("operator", "operator", Text), Field("values", "values", Plain)];

const RESOURCES: &[Field] = &[Field("Limits", "limits", Plain), Field("Requests", "requests", Plain)];

const LOCAL_OBJECT: &[Field] =
    &[Field("APIGroup", "apiGroup", Plain), Field("Kind", "kind", Text), Field("Name", "name", Text)];

const TYPED_OBJECT: &[Field] = &[
    Field("APIGroup", "apiGroup", Plain),
    Field("Kind", "kind", Text),
    Field("Name", "name", Text),
    Field("Namespace", "namespace", Plain),
];

const SECRET: Shape = Pointer(&[Field("Name", "name", Text), Field("Namespace", "namespace", Text)]);

pub(crate) const OBJECT: &[Field] = &[
    Field("Kind", "kind", Text),
    Field("Namespace", "namespace", Text),
    Field("Name", "name", Text),
    Field("UID", "uid", Text),
    Field("APIVersion", "apiVersion", Text),
    Field("ResourceVersion", "resourceVersion", Text),
    Field("FieldPath", "fieldPath", Text),
];

const FS_TYPE: Field = Field("FSType", "fsType", Text);
const READ_ONLY: Field = Field("ReadOnly", "readOnly", Bool);

const SOURCES: &[Field] = &[
    Field(
        "GCEPersistentDisk",
        "gcePersistentDisk",
        Pointer(&[Field("PDName", "pdName", Text), FS_TYPE, Field("Partition", "partition", Int), READ_ONLY]),
    ),
    Field(
        "AWSElasticBlockStore",
        "awsElasticBlockStore",
        Pointer(&[
            Field("VolumeID", "volumeID", Text),
            FS_TYPE,
            Field("Partition", "partition", Int),
            READ_ONLY,
        ]),
    ),
    Field("HostPath", "hostPath", Pointer(&[Field("Path", "path", Text), Field("Type", "type", Plain)])),
    Field(
        "Glusterfs",
        "glusterfs",
        Pointer(&[
            Field("EndpointsName", "endpoints", Text),
            Field("Path", "path", Text),
            READ_ONLY,
            Field("EndpointsNamespace", "endpointsNamespace", Plain),
        ]),
    ),
    Field("NFS", "nfs", Pointer(&[Field("Server", "server", Text), Field("Path", "path", Text), READ_ONLY])),
    Field(
        "RBD",
        "rbd",
        Pointer(&[
            Field("CephMonitors", "monitors", Plain),
            Field("RBDImage", "image", Text),
            FS_TYPE,
            Field("RBDPool", "pool", Text),
            Field("RadosUser", "user", Text),
            Field("Keyring", "keyring", Text),
            Field("SecretRef", "secretRef", SECRET),
            READ_ONLY,
        ]),
    ),
    Field(
        "Quobyte",
        "quobyte",
        Pointer(&[
            Field("Registry", "registry", Text),
            Field("Volume", "volume", Text),
            READ_ONLY,
            Field("User", "user", Text),
            Field("Group", "group", Text),
            Field("Tenant", "tenant", Text),
        ]),
    ),
    Field(
        "ISCSI",
        "iscsi",
        Pointer(&[
            Field("TargetPortal", "targetPortal", Text),
            Field("IQN", "iqn", Text),
            Field("Lun", "lun", Int),
            Field("ISCSIInterface", "iscsiInterface", Text),
            FS_TYPE,
            READ_ONLY,
            Field("Portals", "portals", Plain),
            Field("DiscoveryCHAPAuth", "chapAuthDiscovery", Bool),
            Field("SessionCHAPAuth", "chapAuthSession", Bool),
            Field("SecretRef", "secretRef", SECRET),
            Field("InitiatorName", "initiatorName", Plain),
        ]),
    ),
    Field(
        "FlexVolume",
        "flexVolume",
        Pointer(&[
            Field("Driver", "driver", Text),
            FS_TYPE,
            Field("SecretRef", "secretRef", SECRET),
            READ_ONLY,
            Field("Options", "options", Plain),
        ]),
    ),
    Field(
        "Cinder",
        "cinder",
        Pointer(&[
            Field("VolumeID", "volumeID", Text),
            FS_TYPE,
            READ_ONLY,
            Field("SecretRef", "secretRef", SECRET),
        ]),
    ),
    Field(
        "CephFS",
        "cephfs",
        Pointer(&[
            Field("Monitors", "monitors", Plain),
            Field("Path", "path", Text),
            Field("User", "user", Text),
            Field("SecretFile", "secretFile", Text),
            Field("SecretRef", "secretRef", SECRET),
            READ_ONLY,
        ]),
    ),
    Field(
        "FC",
        "fc",
        Pointer(&[
            Field("TargetWWNs", "targetWWNs", Plain),
            Field("Lun", "lun", Plain),
            FS_TYPE,
            READ_ONLY,
            Field("WWIDs", "wwids", Plain),
        ]),
    ),
    Field(
        "Flocker",
        "flocker",
        Pointer(&[Field("DatasetName", "datasetName", Text), Field("DatasetUUID", "datasetUUID", Text)]),
    ),
    Field(
        "AzureFile",
        "azureFile",
        Pointer(&[
            Field("SecretName", "secretName", Text),
            Field("ShareName", "shareName", Text),
            READ_ONLY,
            Field("SecretNamespace", "secretNamespace", Plain),
        ]),
    ),
    Field(
        "VsphereVolume",
        "vsphereVolume",
        Pointer(&[
            Field("VolumePath", "volumePath", Text),
            FS_TYPE,
            Field("StoragePolicyName", "storagePolicyName", Text),
            Field("StoragePolicyID", "storagePolicyID", Text),
        ]),
    ),
    Field(
        "AzureDisk",
        "azureDisk",
        Pointer(&[
            Field("DiskName", "diskName", Text),
            Field("DataDiskURI", "diskURI", Text),
            Field("CachingMode", "cachingMode", Plain),
            Field("FSType", "fsType", Plain),
            Field("ReadOnly", "readOnly", Plain),
            Field("Kind", "kind", Plain),
        ]),
    ),
    Field("PhotonPersistentDisk", "photonPersistentDisk", Pointer(&[Field("PdID", "pdID", Text), FS_TYPE])),
    Field(
        "PortworxVolume",
        "portworxVolume",
        Pointer(&[Field("VolumeID", "volumeID", Text), FS_TYPE, READ_ONLY]),
    ),
    Field(
        "ScaleIO",
        "scaleIO",
        Pointer(&[
            Field("Gateway", "gateway", Text),
            Field("System", "system", Text),
            Field("SecretRef", "secretRef", SECRET),
            Field("SSLEnabled", "sslEnabled", Bool),
            Field("ProtectionDomain", "protectionDomain", Text),
            Field("StoragePool", "storagePool", Text),
            Field("StorageMode", "storageMode", Text),
            Field("VolumeName", "volumeName", Text),
            FS_TYPE,
            READ_ONLY,
        ]),
    ),
    Field("Local", "local", Pointer(&[Field("Path", "path", Text), Field("FSType", "fsType", Plain)])),
    Field(
        "StorageOS",
        "storageos",
        Pointer(&[
            Field("VolumeName", "volumeName", Text),
            Field("VolumeNamespace", "volumeNamespace", Text),
            FS_TYPE,
            READ_ONLY,
            Field("SecretRef", "secretRef", Pointer(OBJECT)),
        ]),
    ),
    Field(
        "CSI",
        "csi",
        Pointer(&[
            Field("Driver", "driver", Text),
            Field("VolumeHandle", "volumeHandle", Text),
            READ_ONLY,
            FS_TYPE,
            Field("VolumeAttributes", "volumeAttributes", Plain),
            Field("ControllerPublishSecretRef", "controllerPublishSecretRef", SECRET),
            Field("NodeStageSecretRef", "nodeStageSecretRef", SECRET),
            Field("NodePublishSecretRef", "nodePublishSecretRef", SECRET),
            Field("ControllerExpandSecretRef", "controllerExpandSecretRef", SECRET),
            Field("NodeExpandSecretRef", "nodeExpandSecretRef", SECRET),
        ]),
    ),
];

/// How the spec of a claim differs from the stored one, without the fields that may change.
/// `size_may_change`: the request for storage as well.
pub(super) fn claim_specs(
    new: (At<'_>, DataSources<'_>),
    old: (At<'_>, DataSources<'_>),
    ignored: &[&str],
    size_may_change: bool,
) -> Option<String> {
    let print = |side: (At<'_>, DataSources<'_>)| {
        let members = CLAIM_SPEC.iter().map(|Field(name, json, shape)| {
            let (spec, sources) = match *json {
                "volumeName" if ignored.contains(json) => new,
                _ if ignored.contains(json) => old,
                _ => side,
            };
            let at = match *json {
                "dataSource" => sources.source,
                "dataSourceRef" => sources.reference,
                _ => spec.field(json),
            };
            let mut printed = value(at, shape);
            if *json == "resources" && size_may_change {
                take_request(&mut printed, old.0);
            }
            ((*name).to_owned(), printed)
        });
        GoValue::Object(members.collect())
    };
    difference(&print(old), &print(new))
}

/// Puts the stored request for storage in place of the one that is there.
fn take_request(resources: &mut GoValue, old: At<'_>) {
    let stored = old.field("resources").field("requests").key("storage");
    let GoValue::Object(fields) = resources else { return };
    for (name, requests) in fields {
        if name == "Requests"
            && let GoValue::Object(requests) = requests
        {
            requests.retain(|(name, _)| name != "storage");
            requests.push(("storage".to_owned(), value(stored, &Text)));
            requests.sort_few_by(|a, b| a.0.cmp(&b.0));
        }
    }
}

/// How the source of a volume differs from the stored one. A secret for expansion may be added.
pub(super) fn volume_sources(new: At<'_>, old: At<'_>) -> Option<String> {
    let mut after = value(new, &Struct(SOURCES));
    let csi = |spec: At<'_>| spec.field("csi").has("controllerExpandSecretRef");
    if old.has("csi") && !csi(old) && csi(new) {
        forget_expansion(&mut after);
    }
    difference(&value(old, &Struct(SOURCES)), &after)
}

fn forget_expansion(sources: &mut GoValue) {
    let GoValue::Object(sources) = sources else { return };
    for (name, source) in sources {
        let (true, GoValue::Object(fields)) = (name == "CSI", source) else { continue };
        for (name, secret) in fields {
            if name == "ControllerExpandSecretRef" {
                *secret = GoValue::Scalar("null".to_owned());
            }
        }
    }
}

fn difference(old: &GoValue, new: &GoValue) -> Option<String> {
    let (old, new) = (old.indented(), new.indented());
    (old != new).then(|| unified_diff(&old, &new))
}

/// What a VolumeAttachment's spec is printed as; a volume that is written in it is shown as the API has it.
pub(super) const ATTACHMENT_SPEC: &[Field] = &[
    Field("Attacher", "attacher", Text),
    Field(
        "Source",
        "source",
        Struct(&[
            Field("PersistentVolumeName", "persistentVolumeName", Plain),
            Field("InlineVolumeSpec", "inlineVolumeSpec", Plain),
        ]),
    ),
    Field("NodeName", "nodeName", Text),
];

/// Where a volume can be used.
pub(super) const NODE_AFFINITY: &[Field] = &[Field(
    "Required",
    "required",
    Pointer(&[Field(
        "NodeSelectorTerms",
        "nodeSelectorTerms",
        List(&[
            Field("MatchExpressions", "matchExpressions", List(NODE_REQUIREMENT)),
            Field("MatchFields", "matchFields", List(NODE_REQUIREMENT)),
        ]),
    )]),
)];

const NODE_REQUIREMENT: &[Field] =
    &[Field("Key", "key", Text), Field("Operator", "operator", Text), Field("Values", "values", Plain)];
