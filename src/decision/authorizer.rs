//! The front of the decision core.

use super::combine::Decision;
use super::evaluate::evaluate;
use super::explanation::Explanation;
use super::layers::Layers;
use super::observer::Silent;
use super::remedies::{self, Remedy};
use super::request::AuthorizationRequest;
use super::trace::Trace;
use std::sync::Arc;

/// Answers requests against fixed layers. Immutable, `Send + Sync`, cheap to clone; a change of policy
/// is a new authorizer, swapped whole.
///
/// ```
/// use portcullis::compiled::CompiledPolicy;
/// use portcullis::decision::{Action, AuthorizationRequest, Authorizer, Layers, LayerState, Principal, Resource};
/// use portcullis::policy::{LoadOptions, PolicyDocument, PolicyKind};
///
/// let text = r#"{"Version": "2012-10-17", "Statement": [{
///     "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::reports/*",
///     "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}}]}"#;
/// let document = PolicyDocument::parse("read.json", text, &LoadOptions::new(PolicyKind::Identity))?;
/// let policy = CompiledPolicy::compile("read", &document);
/// let authorizer = Authorizer::new(Layers { identity: LayerState::Given(policy.into()), ..Layers::default() });
///
/// let mut request = AuthorizationRequest::new(
///     Principal::user("arn:aws:iam::111122223333:user/alice", "111122223333"),
///     Action::new("s3:GetObject"),
///     Resource::new("arn:aws:s3:::reports/q1.csv").in_account("111122223333"),
/// );
/// request.context.source_ip([198, 51, 100, 7].into());
/// assert!(authorizer.decide(&request).is_allowed());
/// request.context.source_ip([203, 0, 113, 7].into());
/// assert_eq!(authorizer.decide(&request).word(), "implicit-deny");
/// # Ok::<(), portcullis::words::problem::Problems>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Authorizer {
    layers: Arc<Layers>,
}

impl Authorizer {
    /// An authorizer over these layers.
    #[must_use]
    pub fn new(layers: Layers) -> Self {
        Self { layers: Arc::new(layers) }
    }

    /// The layers.
    #[must_use]
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// The answer. Cannot fail, does no I/O and allocates nothing.
    #[must_use]
    pub fn decide(&self, request: &AuthorizationRequest<'_>) -> Decision {
        evaluate(&self.layers, request, &mut Silent)
    }

    /// The answer and all that led to it, by the same algorithm.
    #[must_use]
    pub fn explain<'r>(&'r self, request: &'r AuthorizationRequest<'r>) -> Explanation<'r> {
        let mut trace = Trace::with_capacity(16);
        let decision = evaluate(&self.layers, request, &mut trace);
        Explanation::new(&self.layers, request, decision, trace)
    }

    /// Single changes that would turn a denial into an Allow, each evaluated before it is named.
    #[must_use]
    pub fn remedies(&self, request: &AuthorizationRequest<'_>) -> Vec<Remedy> {
        remedies::find(self, request)
    }

    /// The expensive context keys (object tags) that a statement meeting the request otherwise would
    /// read and that the context does not have. Empty where no policy reads any.
    #[must_use]
    pub fn required_keys(&self, request: &AuthorizationRequest<'_>) -> Vec<String> {
        super::explanation::required_keys(&self.layers, request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorizers_cross_threads() {
        fn shared<T: Send + Sync + Clone>() {}
        shared::<Authorizer>();
    }
}
