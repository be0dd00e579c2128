//! Stable codes: `E…` load errors, `W…` warnings, `A1xx` allows, `D…` denials.
//!
//! A code never changes its meaning; `portcullis explain CODE` prints its page from
//! `src/manual/codes.md`.

use std::fmt;

macro_rules! codes {
    ($($name:ident $text:literal $title:literal;)*) => {
        #[expect(clippy::doc_markdown, reason = "the titles are prose for a terminal")]
        /// A stable code for one kind of finding or one reason of a decision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in the order of the manual.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as people cite it, such as `D201`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What it means, in half a sentence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    JsonSyntax "E101" "the text is not JSON";
    InvalidUtf8 "E102" "the input is not UTF-8";
    TooDeep "E103" "the input nests too deep";
    DuplicateKey "E104" "a name stands twice in one object";
    InputTooLong "E105" "the input is too long";
    YamlSyntax "E106" "the text is not YAML this reader accepts";
    WrongType "E201" "a value has the wrong type";
    UnknownElement "E202" "an element is not known";
    MissingElement "E203" "a required element is missing";
    ConflictingElements "E204" "two elements exclude each other";
    EmptyStatement "E205" "the policy has no statement";
    InvalidVersion "E206" "the version is not a policy version";
    InvalidEffect "E207" "the effect is neither Allow nor Deny";
    InvalidSid "E208" "the statement id has a character it may not have";
    DuplicateSid "E209" "two statements have the same id";
    ForbiddenElement "E210" "the element has no place in this kind of policy";
    InvalidPrincipal "E301" "the principal is not one a policy can name";
    UnknownPrincipalType "E302" "the principal type is not known";
    InvalidAction "E401" "the action is not well formed";
    UnknownAction "E402" "the service has no such action";
    UnsupportedAction "E403" "the action has no place in this kind of policy";
    InvalidResource "E501" "the resource is neither an ARN nor `*`";
    ForeignResource "E502" "the resource does not belong to what the policy is attached to";
    ActionResourceMismatch "E503" "the action applies to none of the statement's resources";
    UnknownOperator "E601" "the condition operator is not known";
    InvalidConditionKey "E602" "the condition key is not known";
    ConditionNotApplicable "E603" "the condition key does not apply to the statement's actions";
    InvalidIpOperand "E604" "the operand is not an IP address or range";
    NullWithIfExists "E605" "Null cannot be combined with IfExists";
    OperandNeverMatches "W701" "an operand can never match";
    VariableInert "W702" "a policy variable is plain text here";
    VariableMalformed "W703" "a policy variable is not well formed";
    EmptyList "W704" "a list is empty and matches nothing";
    UnknownActionInert "W705" "the action is not in the catalogue";
    QuotaExceeded "W706" "the policy is larger than AWS's quota for its kind";
    DuplicateConditionKey "W707" "a condition key stands twice under one operator, in different case";
    NotPrincipalAllow "W708" "NotPrincipal with Allow lets everyone else in";
    WorldShape "E801" "the world file does not have this shape";
    DanglingReference "E802" "a reference names nothing";
    InvalidValue "E803" "a value is not what this field takes";
    DuplicateName "E804" "a name is taken twice";
    Unreadable "E805" "a file could not be read";
    Unrecognised "E806" "the file is none of the known formats";
    ScenarioShape "E811" "the scenario file does not have this shape";
    BadQuestion "E901" "the question is not well formed";
    UnknownPrincipal "E902" "no such principal in the world";
    AmbiguousPrincipal "E903" "several principals have this name";
    NoSuchAction "E904" "no service has such an action";
    UnknownResource "E905" "the resource is not understood";
    IdentityAllows "A101" "an identity-based policy allows it";
    ResourceAllows "A102" "a resource-based policy allows it";
    BothSidesAllow "A103" "both accounts allow it";
    AclAllows "A104" "an ACL grant allows it";
    RootAllows "A105" "the account's root user may do everything";
    OwnerRootRepairs "A106" "the bucket owner's root user may always repair the bucket policy";
    GrantAllows "A107" "a KMS grant allows it";
    DeniedByIdentity "D101" "explicit deny in an identity-based policy";
    DeniedByResource "D102" "explicit deny in a resource-based policy";
    DeniedByBoundary "D103" "explicit deny in a permissions boundary";
    DeniedBySession "D104" "explicit deny in a session policy";
    DeniedByScp "D105" "explicit deny in a service control policy";
    DeniedByRcp "D106" "explicit deny in a resource control policy";
    DeniedByEndpoint "D107" "explicit deny in a VPC endpoint policy";
    NothingAllows "D201" "no identity-based or resource-based policy allows it";
    ResourceSideMissing "D202" "the resource's account does not allow it";
    IdentitySideMissing "D203" "the principal's account does not allow it";
    NoResourceGrant "D204" "only a resource-based grant could allow it, and none does";
    NotDelegated "D205" "the key policy or trust policy neither allows it nor delegates";
    Undecided "D206" "a layer that was not given would decide";
    ForeignObject "D207" "the object belongs to another account";
    ScpLacksAllow "D301" "no service control policy allows it at some level";
    BoundaryLacksAllow "D302" "the permissions boundary does not allow it";
    SessionLacksAllow "D303" "the session policy does not allow it";
    EndpointLacksAllow "D304" "the VPC endpoint policy does not allow it";
    PublicAclBlocked "D401" "BlockPublicAcls refuses a public ACL";
    PublicPolicyBlocked "D402" "BlockPublicPolicy refuses a public policy";
    PublicBucketRestricted "D403" "RestrictPublicBuckets cuts off everyone outside the owner's account";
}

impl Code {
    /// The code of that spelling, in any case.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Code> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }

    /// The code's page of the manual, in Markdown.
    #[must_use]
    pub fn page(self) -> &'static str {
        let heading = self.as_str();
        PAGES.split("\n## ").find(|page| page.split_whitespace().next() == Some(heading)).unwrap_or_default().trim_end()
    }
}

const PAGES: &str = include_str!("../manual/codes.md");

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_of_its_own() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with(code.as_str()), "{code} has no page");
            assert!(page.lines().count() > 3, "the page of {code} says too little");
            assert_eq!(Code::from_text(&code.as_str().to_lowercase()), Some(*code));
        }
    }
}
