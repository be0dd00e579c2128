//! Policy documents as they were written.

use super::operators::Operator;
use crate::words::json::Node;
use crate::words::problem::{Problem, Problems, Source, Span};

/// What a policy is attached to; each kind has its own grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// An identity-based policy, managed or inline.
    Identity,
    /// A permissions boundary.
    Boundary,
    /// A session policy.
    Session,
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
    /// A bucket policy.
    Bucket,
    /// A KMS key policy.
    Key,
    /// A role trust policy.
    Trust,
    /// A VPC endpoint policy.
    VpcEndpoint,
}

impl PolicyKind {
    /// The kind in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::Bucket => "bucket policy",
            Self::Key => "KMS key policy",
            Self::Trust => "role trust policy",
            Self::VpcEndpoint => "VPC endpoint policy",
        }
    }

    /// The kind by its short name, as the layers of scenarios are called.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "identity" => Self::Identity,
            "boundary" => Self::Boundary,
            "session" => Self::Session,
            "scp" => Self::ServiceControl,
            "rcp" => Self::ResourceControl,
            "bucket" => Self::Bucket,
            "key" => Self::Key,
            "trust" => Self::Trust,
            "vpce" => Self::VpcEndpoint,
            _ => return None,
        })
    }

    /// The word that [`Self::from_word`] reads.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Boundary => "boundary",
            Self::Session => "session",
            Self::ServiceControl => "scp",
            Self::ResourceControl => "rcp",
            Self::Bucket => "bucket",
            Self::Key => "key",
            Self::Trust => "trust",
            Self::VpcEndpoint => "vpce",
        }
    }

    /// Whether statements may (and mostly must) name a principal.
    #[must_use]
    pub fn has_principal(self) -> bool {
        matches!(self, Self::ResourceControl | Self::Bucket | Self::Key | Self::Trust | Self::VpcEndpoint)
    }
}

/// Which documents are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acceptance {
    /// What AWS would store for the kind of policy: the default.
    #[default]
    Stored,
    /// Whatever has a definite meaning, even where AWS would refuse to store it: an action with a
    /// variable, a wildcard inside a principal. What only storing forbids becomes a warning.
    /// For scenarios, which ask what an evaluation does.
    Evaluable,
}

/// How to load a document.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions<'a> {
    /// The grammar to hold it to.
    pub kind: PolicyKind,
    /// Warnings are errors.
    pub strict: bool,
    /// What is accepted.
    pub acceptance: Acceptance,
    /// For a bucket policy, the name of its bucket: every resource must lie in it.
    pub bucket: Option<&'a str>,
}

impl LoadOptions<'_> {
    /// The defaults for a kind: what AWS would store, warnings allowed.
    #[must_use]
    pub fn new(kind: PolicyKind) -> Self {
        Self { kind, strict: false, acceptance: Acceptance::Stored, bucket: None }
    }
}

/// The version of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `2008-10-17`, also when the element is missing: `${…}` is plain text.
    V2008,
    /// `2012-10-17`.
    V2012,
}

/// `Allow` or `Deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Effect {
    /// The statement allows.
    Allow,
    /// The statement denies.
    Deny,
}

/// A text of the document and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The place, quotes included.
    pub span: Span,
    decoded: Option<Box<str>>,
    quoted: bool,
}

impl Text {
    /// The text of a string, number or boolean; `None` for other kinds.
    pub(super) fn of_scalar(node: &Node) -> Option<Self> {
        use crate::words::json::Kind;
        let decoded = match &node.kind {
            Kind::String(decoded) => decoded.clone(),
            Kind::Bool(_) | Kind::Number => None,
            Kind::Null | Kind::Array(_) | Kind::Object(_) => return None,
        };
        Some(Self { span: node.span, decoded, quoted: matches!(node.kind, Kind::String(None)) })
    }

    /// Whether the text had to be decoded: it does not stand in the source as it is.
    #[must_use]
    pub fn is_decoded(&self) -> bool {
        self.decoded.is_some()
    }

    /// The text itself, given the document's source.
    #[must_use]
    pub fn get<'t>(&'t self, source: &'t str) -> &'t str {
        match &self.decoded {
            Some(text) => text,
            None => {
                let range = self.span.range();
                let inset = usize::from(self.quoted);
                source.get(range.start + inset..range.end.saturating_sub(inset)).unwrap_or_default()
            }
        }
    }
}

/// `Action`/`NotAction` or `Resource`/`NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchList {
    /// The `Not…` form.
    pub negated: bool,
    /// The values in their order.
    pub items: Vec<Text>,
    /// The element's value.
    pub span: Span,
}

/// The type of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalType {
    /// `"*"`, alone or as `{"AWS": "*"}`.
    Everyone,
    /// `AWS`: an account, user, role, session or OAI.
    Aws,
    /// `Service`.
    Service,
    /// `Federated`.
    Federated,
    /// `CanonicalUser`.
    CanonicalUser,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalElement {
    /// The `Not…` form.
    pub negated: bool,
    /// The principals in their order.
    pub entries: Vec<(PrincipalType, Text)>,
    /// The element's value.
    pub span: Span,
}

/// One operator with one key and its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The operator.
    pub operator: Operator,
    /// Where the operator's name stands.
    pub operator_span: Span,
    /// The condition key.
    pub key: Text,
    /// The operands.
    pub values: Vec<Text>,
    /// Where the operands stand.
    pub span: Span,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its id, if it has one.
    pub sid: Option<Text>,
    /// What it does where it matches.
    pub effect: Effect,
    /// Where the effect stands.
    pub effect_span: Span,
    /// Whom it applies to; `None` where the kind of policy has no principal.
    pub principal: Option<PrincipalElement>,
    /// Which actions.
    pub actions: MatchList,
    /// Which resources; `None` in trust policies.
    pub resources: Option<MatchList>,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// The whole statement.
    pub span: Span,
}

/// A policy document: its text, its tree, and what its elements mean.
#[derive(Clone, Debug)]
pub struct PolicyDocument {
    pub(super) source: Source,
    pub(super) root: Node,
    pub(super) kind: PolicyKind,
    pub(super) version: Version,
    pub(super) statements: Vec<Statement>,
    pub(super) warnings: Vec<Problem>,
}

impl PolicyDocument {
    /// Reads a document from its text. `name` is what messages call it, mostly a file's name.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text; with `strict` also the warnings.
    pub fn parse(name: &str, text: &str, options: &LoadOptions<'_>) -> Result<Self, Problems> {
        super::parse::from_text(Source::new(name, text), options)
    }

    /// As [`PolicyDocument::parse`], from raw bytes.
    ///
    /// # Errors
    /// Also when the bytes are not UTF-8 or too many.
    pub fn parse_bytes(name: &str, bytes: &[u8], options: &LoadOptions<'_>) -> Result<Self, Problems> {
        match crate::words::json::text_of(bytes) {
            Ok(text) => Self::parse(name, text, options),
            Err(problem) => {
                // What stands before the place is UTF-8, so the places in the readable rendering are right.
                let shown = bytes.get(..bytes.len().min(crate::words::json::MAX_BYTES)).unwrap_or_default();
                let text = String::from_utf8_lossy(shown);
                Err(Problems { source: Source::new(name, &*text), list: vec![problem] })
            }
        }
    }

    /// Reads a document that is part of a larger file: places are those of the file.
    ///
    /// # Errors
    /// As for [`PolicyDocument::parse`].
    pub fn from_node(source: Source, node: &Node, options: &LoadOptions<'_>) -> Result<Self, Problems> {
        super::parse::from_node(source, node.clone(), Vec::new(), options)
    }

    /// The text it was read from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Where it stands in that text.
    #[must_use]
    pub fn span(&self) -> Span {
        self.root.span
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// The version of its language.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its statements in their order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What AWS stores but cannot do what it seems to.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The document as compact JSON: equal to what was read, in the same order.
    #[must_use]
    pub fn print(&self) -> String {
        let mut out = String::with_capacity(self.root.span.range().len());
        self.root.print(&self.source.text, &mut out);
        out
    }

    /// S3's definition of a public policy.
    /// Source: S3 User Guide, "Blocking public access", "The meaning of public".
    #[must_use]
    pub fn is_public(&self) -> bool {
        super::public::is_public(self)
    }
}
