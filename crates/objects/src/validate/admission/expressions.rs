//! Compiling the expressions of webhook configurations and admission policies (k8s.io/apiserver pkg/admission/plugin/cel;
//! pkg/apis/admissionregistration/validation).

use kubernetes_cel::checker::{self, ResultKind};
use kubernetes_cel::declarations::{Env, EnvKind};
use kubernetes_cel::profile::Profile;
use kubernetes_cel::program::{CompileError, Composition, Program};

use crate::field::{At, Causes};

/// Compiles what stands in one policy: its expressions see its variables.
pub(super) struct Compiler {
    profile: Profile,
    params: bool,
    /// `None`: the name `variables` is not declared.
    composition: Option<Composition>,
    /// Where variables are compiled, each seeing those before it.
    variables: Env,
}

impl Compiler {
    /// Without variables, as for match conditions.
    pub(super) fn plain(profile: Profile, params: bool) -> Self {
        let variables = Self::environment(profile, params, EnvKind::Validation);
        Self { profile, params, composition: None, variables }
    }

    /// With variables, none so far.
    pub(super) fn composed(profile: Profile, params: bool) -> Self {
        Self { composition: Some(Composition::default()), ..Self::plain(profile, params) }
    }

    fn environment(profile: Profile, params: bool, kind: EnvKind) -> Env {
        let mut env = Env::new(profile, kind);
        if params {
            env.declare_params();
        }
        env
    }

    /// Compiles a variable and declares it, as `dyn` where it does not compile.
    pub(super) fn variable(&mut self, at: At<'_>, name: &str, source: &str, causes: &mut Causes) {
        let Some(composition) = &mut self.composition else { return };
        if let Err(error) = composition.add(&mut self.variables, name.to_owned(), source) {
            report(at, source, &error, causes);
        }
    }

    /// Compiles an expression, which has to give what is asked for. `shown` is what the message shows of it.
    pub(super) fn check(
        &self,
        at: At<'_>,
        (kind, result): (EnvKind, ResultKind),
        (source, shown): (&str, &str),
        causes: &mut Causes,
    ) {
        let mut env = Self::environment(self.profile, self.params, kind);
        let nothing = Composition::default();
        let composition = match &self.composition {
            Some(composition) => {
                composition.declare(&mut env);
                composition
            }
            None => {
                env = env.without_variables();
                &nothing
            }
        };
        let compiled = match checker::compile(source, &env) {
            Ok(checked) => match checked.wrong_result(result) {
                Some(wrong) => return causes.invalid_value(at, shown, &wrong),
                None => Program::plan(checked, &env, composition),
            },
            Err(issues) => Err(issues.into()),
        };
        if let Err(error) = compiled {
            report(at, shown, &error, causes);
        }
    }
}

fn report(at: At<'_>, shown: &str, error: &CompileError, causes: &mut Causes) {
    match error {
        CompileError::Issues(issues) => {
            causes.invalid_value(at, shown, &format!("compilation failed: {issues}"))
        }
        CompileError::Plan(error) => causes.internal(at, &format!("program instantiation failed: {error}")),
    }
}
