//! `plimsoll install`: the objects of an installation, printed or applied.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::configuration::Configuration;
use super::selection::{Selected, Selection};
use super::{DONE, NOT_DONE, fail, print, print_errors};
use crate::cluster::apply::{self, ApplyError};
use crate::cluster::client::{Access, ConnectError};
use crate::cluster::install::render::RenderError;
use crate::cluster::install::{Cidr, EXEMPT, Fixed, Installation, render};
use crate::webhook::callers::{self, CallersError};

/// Print what runs Plimsoll in a cluster, or apply it
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Namespace of everything that is in one
    #[arg(long, short, value_name = "NAME", default_value = "plimsoll-system")]
    pub namespace: String,
    /// Container image
    #[arg(long, value_name = "IMAGE", default_value = concat!("plimsoll:", env!("CARGO_PKG_VERSION")))]
    pub image: String,
    /// Pods; a single one cannot fail closed
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub replicas: u32,
    /// Let policies deny from the beginning, instead of only warning
    #[arg(long, conflicts_with = "action_override")]
    pub enforce: bool,
    /// Judge by ValidatingAdmissionPolicies of policy folders, too: for clusters that do not know them
    #[arg(long)]
    pub admission_policies: bool,
    /// A namespace that is not judged, beside the own; may be repeated
    #[arg(
        long = "exempt-namespace",
        value_name = "NAME",
        default_values = EXEMPT,
        value_delimiter = ','
    )]
    pub exempt: Vec<String>,
    /// Only clients with a certificate that a CA of this file signed may ask the webhook, in PEM form; kube-apiserver
    /// must show one (docs/cluster.md, "Who may ask")
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// Only these addresses reach the webhook port, as in 10.0.0.0/28; those of the API servers, may be repeated
    /// [default: all]
    #[arg(long = "api-server-cidr", value_name = "CIDR", value_delimiter = ',')]
    pub api_servers: Vec<Cidr>,
    /// Write the rules now, from the policies of now, for clusters where the webhook may not write its registration
    #[arg(long, requires_all = ["ca_bundle", "tls_secret"])]
    pub static_rules: bool,
    /// With --static-rules: the CA that signed the certificate, in PEM form
    #[arg(long, value_name = "FILE", requires = "static_rules")]
    pub ca_bundle: Option<PathBuf>,
    /// With --static-rules: the TLS Secret with the certificate for plimsoll.NAMESPACE.svc
    #[arg(long, value_name = "NAME", requires = "static_rules")]
    pub tls_secret: Option<String>,
    /// Apply to the cluster instead of printing
    #[arg(long, help_heading = "Cluster")]
    pub apply: bool,
    /// The cluster of this file's current context [default: as kubectl finds it]
    #[arg(long, value_name = "FILE", requires = "apply", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
enum InstallError {
    #[error("cannot read {path}: {source}", path = path.display())]
    CaBundle { path: PathBuf, source: std::io::Error },
    #[error("{path} holds no certificate in PEM form", path = path.display())]
    NoCertificate { path: PathBuf },
    #[error("--client-ca: cannot read {path}: {source}", path = path.display())]
    ClientCa { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Callers(#[from] CallersError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("cannot start: {0}")]
    Start(#[source] std::io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("cannot read {path}: {source}", path = path.display())]
    Configuration { path: PathBuf, source: std::io::Error },
    #[error("policies in {path} do not go into an installation: put them into the ConfigMap plimsoll-policies", path = path.display())]
    Policies { path: PathBuf },
    #[error("serve.bind and serve.adminBind in {path} do not go into an installation: its ports are 8443 and 8080", path = path.display())]
    Ports { path: PathBuf },
    #[error("serve.clientCa in {path} does not go into an installation: --client-ca takes the file along", path = path.display())]
    ClientCaWritten { path: PathBuf },
}

impl InstallArgs {
    /// Prints or applies: 0 when all was done.
    pub fn run(self) -> ExitCode {
        let Selected { set, errors, configuration, .. } = self.selection.load(None, &[], &[]);
        let own = self.admission_policies || configuration.serve.admission_policies == Some(true);
        let set = if own { set } else { set.without_servers_own() };
        if !errors.is_empty() {
            print_errors(&errors);
            return ExitCode::from(NOT_DONE);
        }
        let done = self.installation(&configuration).and_then(|installation| {
            let objects = installation.objects(&set);
            match self.apply {
                true => self.apply(&objects),
                false => {
                    print(&render::yaml(&installation, &objects)?);
                    Ok(())
                }
            }
        });
        match done {
            Ok(()) => ExitCode::from(DONE),
            Err(error) => fail(&error.to_string()),
        }
    }

    fn installation(&self, configuration: &Configuration) -> Result<Installation, InstallError> {
        let fixed = match (&self.ca_bundle, &self.tls_secret) {
            (Some(path), Some(tls_secret)) => {
                let ca_bundle = std::fs::read_to_string(path)
                    .map_err(|source| InstallError::CaBundle { path: path.clone(), source })?;
                if !ca_bundle.contains("-----BEGIN CERTIFICATE-----") {
                    return Err(InstallError::NoCertificate { path: path.clone() });
                }
                Some(Fixed { ca_bundle, tls_secret: tls_secret.clone() })
            }
            _ => None,
        };
        let override_ = self.selection.action_override.or(configuration.action_override);
        let override_ = override_.map(|action| format!("{action:?}"));
        Ok(Installation {
            namespace: self.namespace.clone(),
            image: self.image.clone(),
            replicas: self.replicas,
            action_override: if self.enforce { None } else { override_.or(Some("Warn".to_owned())) },
            arguments: self.arguments(),
            configuration: self.configuration(configuration)?,
            client_ca: self.client_ca()?,
            api_servers: self.api_servers.clone(),
            exempt: self.exempt.clone(),
            fixed,
        })
    }

    /// The text of the file with the CAs of those who may ask.
    fn client_ca(&self) -> Result<Option<String>, InstallError> {
        let Some(path) = &self.client_ca else { return Ok(None) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| InstallError::ClientCa { path: path.clone(), source })?;
        callers::check(text.as_bytes(), path)?;
        Ok(Some(text))
    }

    /// What of the selection goes into the Pod's arguments.
    fn arguments(&self) -> Vec<String> {
        let Selection { no_embedded, packs, kubernetes_version, .. } = &self.selection;
        let mut arguments = Vec::new();
        if self.admission_policies {
            arguments.push("--admission-policies".to_owned());
        }
        if *no_embedded {
            arguments.push("--no-embedded".to_owned());
        }
        for pack in packs {
            arguments.extend(["--pack".to_owned(), pack.clone()]);
        }
        if let Some(version) = kubernetes_version {
            arguments.extend(["--kubernetes-version".to_owned(), version.clone()]);
        }
        arguments
    }

    /// The text of the configuration file, if what it says holds in a Pod, too.
    fn configuration(&self, read: &Configuration) -> Result<Option<String>, InstallError> {
        let Some(path) = self.selection.config.clone() else { return Ok(None) };
        if !read.policies.is_empty() {
            return Err(InstallError::Policies { path });
        }
        if read.serve.bind.is_some() || read.serve.admin_bind.is_some() {
            return Err(InstallError::Ports { path });
        }
        if read.serve.client_ca.is_some() {
            return Err(InstallError::ClientCaWritten { path });
        }
        let text = std::fs::read_to_string(&path);
        Ok(Some(text.map_err(|source| InstallError::Configuration { path, source })?))
    }

    fn apply(&self, objects: &[serde_json::Value]) -> Result<(), InstallError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(InstallError::Start)?;
        let access = self.kubeconfig.clone().map_or(Access::Inferred, Access::Kubeconfig);
        runtime.block_on(async {
            let client = crate::cluster::client::connect(&access).await?;
            apply::all(&client, objects, |line| print(&format!("{line}\n"))).await?;
            Ok(())
        })
    }
}
