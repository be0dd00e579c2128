//! From strict JSON to a policy document. All problems are collected; one bad statement refuses the whole.

use super::check;
use super::document::{
    Acceptance, Condition, Effect, LoadOptions, MatchList, PolicyDocument, PolicyKind, PrincipalElement, Statement,
    Text, Version,
};
use super::operators::{Operator, OperatorError};
use super::principals;
use crate::words::codes::Code;
use crate::words::json::{self, Kind, Member, Node};
use crate::words::problem::{Problem, Problems, Severity, Source, Span};

pub(super) fn from_text(source: Source, options: &LoadOptions<'_>) -> Result<PolicyDocument, Problems> {
    let mut problems = Vec::new();
    match json::parse(&source.text, &mut problems) {
        Some(root) => from_node(source, root, problems, options),
        None => Err(Problems { source, list: problems }),
    }
}

pub(super) fn from_node(
    source: Source,
    root: Node,
    problems: Vec<Problem>,
    options: &LoadOptions<'_>,
) -> Result<PolicyDocument, Problems> {
    let text = source.text.clone();
    let mut reader = Reader { source: &text, options, version: Version::V2008, problems };
    let statements = reader.document(&root);
    let (version, mut problems) = (reader.version, reader.problems);
    if options.acceptance == Acceptance::Evaluable {
        problems
            .iter_mut()
            .filter(|p| check::forbids_only_storing(p.code))
            .for_each(|p| p.severity = Severity::Warning);
    }
    if options.strict {
        problems.iter_mut().for_each(|p| p.severity = Severity::Error);
    }
    problems.sort_by_key(|p| p.span);
    if problems.iter().any(|p| p.severity == Severity::Error) {
        return Err(Problems { source, list: problems });
    }
    Ok(PolicyDocument { source, root, kind: options.kind, version, statements, warnings: problems })
}

/// What the reading functions share.
pub(super) struct Reader<'a> {
    pub(super) source: &'a str,
    pub(super) options: &'a LoadOptions<'a>,
    pub(super) version: Version,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.problems.push(Problem::error(code, span, message));
    }

    /// An error where the document is to be stored; its meaning is definite all the same.
    pub(super) fn storing_error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        match self.options.acceptance {
            Acceptance::Stored => self.error(code, span, message),
            Acceptance::Evaluable => self.warn(code, span, message),
        }
    }

    pub(super) fn warn(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.problems.push(Problem::warning(code, span, message));
    }

    fn members<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Member]> {
        let members = node.members();
        if members.is_none() {
            self.error(Code::WrongType, node.span, format!("{what} must be an object, not {}", node.kind_name()));
        }
        members
    }

    fn document(&mut self, root: &Node) -> Vec<Statement> {
        let Some(members) = self.members(root, "a policy") else {
            return Vec::new();
        };
        let mut statements = None;
        // The version decides what `${…}` means, wherever it stands in the document.
        for member in members {
            if member.name.as_str(self.source) == Some("Version") {
                self.read_version(&member.value);
            }
        }
        for member in members {
            match member.name.as_str(self.source).unwrap_or_default() {
                "Version" => {}
                "Id" => self.expect_string(&member.value, "Id"),
                "Statement" => statements = Some(self.read_statements(&member.value)),
                other => {
                    let message =
                        format!("a policy has no element `{other}`{}", suggest(other, &["Version", "Id", "Statement"]));
                    self.error(Code::UnknownElement, member.name.span, message);
                }
            }
        }
        if statements.is_none() {
            self.error(Code::MissingElement, root.span, "the policy has no `Statement`");
        }
        check::quota(self, root);
        statements.unwrap_or_default()
    }

    fn read_version(&mut self, node: &Node) {
        match node.as_str(self.source) {
            Some("2012-10-17") => self.version = Version::V2012,
            Some("2008-10-17") => self.version = Version::V2008,
            Some(other) => {
                let message = format!("`{other}` is not a policy version; it is `2012-10-17` or `2008-10-17`");
                self.error(Code::InvalidVersion, node.span, message);
            }
            None => self.expect_string(node, "Version"),
        }
    }

    fn expect_string(&mut self, node: &Node, element: &str) {
        if node.as_str(self.source).is_none() {
            self.error(Code::WrongType, node.span, format!("`{element}` must be a string, not {}", node.kind_name()));
        }
    }

    fn read_statements(&mut self, node: &Node) -> Vec<Statement> {
        if node.items().is_some_and(<[Node]>::is_empty) {
            self.error(Code::EmptyStatement, node.span, "the policy has no statement");
        }
        let statements: Vec<Statement> = node.one_or_many().iter().filter_map(|n| self.read_statement(n)).collect();
        check::unique_sids(self, &statements);
        statements
    }

    fn read_statement(&mut self, node: &Node) -> Option<Statement> {
        let members = self.members(node, "a statement")?;
        let before = self.problems.len();
        let (mut sid, mut effect, mut principal, mut actions, mut resources) = (None, None, None, None, None);
        let mut conditions = Vec::new();
        for member in members {
            let value = &member.value;
            match member.name.as_str(self.source).unwrap_or_default() {
                "Sid" => sid = self.read_sid(value),
                "Effect" => effect = self.read_effect(value),
                name @ ("Principal" | "NotPrincipal") => {
                    let negated = name == "NotPrincipal";
                    self.exclusive(principal.is_some(), member, "Principal");
                    principal = Some(principals::read(self, member, negated));
                }
                name @ ("Action" | "NotAction") => {
                    self.exclusive(actions.is_some(), member, "Action");
                    actions = Some(self.read_list(value, name, name == "NotAction"));
                }
                name @ ("Resource" | "NotResource") => {
                    self.exclusive(resources.is_some(), member, "Resource");
                    if self.options.kind == PolicyKind::Trust {
                        let message = format!("a role trust policy has no `{name}`: it applies to its role");
                        self.error(Code::ForbiddenElement, member.name.span, message);
                    }
                    resources = Some(self.read_list(value, name, name == "NotResource"));
                }
                "Condition" => conditions = self.read_conditions(value),
                other => {
                    let known = [
                        "Sid",
                        "Effect",
                        "Principal",
                        "NotPrincipal",
                        "Action",
                        "NotAction",
                        "Resource",
                        "NotResource",
                        "Condition",
                    ];
                    let message = format!("a statement has no element `{other}`{}", suggest(other, &known));
                    self.error(Code::UnknownElement, member.name.span, message);
                }
            }
        }
        if effect.is_none() {
            self.require(node, members, "Effect", &["Effect"]);
        }
        if actions.is_none() {
            self.require(node, members, "Action", &["Action", "NotAction"]);
        }
        if resources.is_none() && self.options.kind != PolicyKind::Trust {
            self.require(node, members, "Resource", &["Resource", "NotResource"]);
        }
        let with_principal = self.options.kind.has_principal() && self.options.kind != PolicyKind::VpcEndpoint;
        if principal.is_none() && with_principal {
            self.require(node, members, "Principal", &["Principal", "NotPrincipal"]);
        }
        let refused = self.problems.iter().skip(before).any(|p| p.severity == Severity::Error);
        if refused && (effect.is_none() || actions.is_none()) {
            return None;
        }
        let (effect, effect_span) = effect?;
        let statement = Statement {
            sid,
            effect,
            effect_span,
            principal: principal.flatten(),
            actions: actions?,
            resources,
            conditions,
            span: node.span,
        };
        check::statement(self, &statement);
        Some(statement)
    }

    fn exclusive(&mut self, taken: bool, member: &Member, element: &str) {
        if taken {
            let message = format!("a statement has `{element}` or `Not{element}`, not both");
            self.error(Code::ConflictingElements, member.name.span, message);
        }
    }

    fn require(&mut self, node: &Node, members: &[Member], element: &str, names: &[&str]) {
        if !members.iter().any(|m| m.name.as_str(self.source).is_some_and(|n| names.contains(&n))) {
            let message = format!("the statement has no `{element}`");
            self.error(Code::MissingElement, Span { end: node.span.start + 1, ..node.span }, message);
        }
    }

    fn read_sid(&mut self, node: &Node) -> Option<Text> {
        self.expect_string(node, "Sid");
        Text::of_scalar(node).filter(|_| matches!(node.kind, Kind::String(_)))
    }

    fn read_effect(&mut self, node: &Node) -> Option<(Effect, Span)> {
        match node.as_str(self.source) {
            Some("Allow") => Some((Effect::Allow, node.span)),
            Some("Deny") => Some((Effect::Deny, node.span)),
            Some(other) => {
                let message = format!("`{other}` is not an effect; it is `Allow` or `Deny`, spelled so");
                self.error(Code::InvalidEffect, node.span, message);
                None
            }
            None => {
                self.expect_string(node, "Effect");
                None
            }
        }
    }

    /// A string or a list of strings.
    pub(super) fn read_list(&mut self, node: &Node, element: &str, negated: bool) -> MatchList {
        let mut items = Vec::with_capacity(node.one_or_many().len());
        for item in node.one_or_many() {
            match Text::of_scalar(item).filter(|_| matches!(item.kind, Kind::String(_))) {
                Some(text) => items.push(text),
                None => {
                    let message =
                        format!("`{element}` must be a string or a list of strings, not {}", item.kind_name());
                    self.error(Code::WrongType, item.span, message);
                }
            }
        }
        if node.items().is_some_and(<[Node]>::is_empty) {
            let what = if negated { "everything" } else { "nothing" };
            self.warn(
                Code::EmptyList,
                node.span,
                format!("`{element}` is an empty list: the statement matches {what}"),
            );
        }
        MatchList { negated, items, span: node.span }
    }

    fn read_conditions(&mut self, node: &Node) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let Some(operators) = self.members(node, "`Condition`") else {
            return conditions;
        };
        for member in operators {
            let name = member.name.as_str(self.source).unwrap_or_default();
            let operator = match Operator::parse(name) {
                Ok(operator) => operator,
                Err(OperatorError::NullWithIfExists) => {
                    let message = "`Null` already asks whether the key exists; it has no `IfExists` form";
                    self.error(Code::NullWithIfExists, member.name.span, message);
                    continue;
                }
                Err(OperatorError::Unknown) => {
                    let known: Vec<&str> = Operator::names().collect();
                    let message = format!("`{name}` is not a condition operator{}", suggest(name, &known));
                    self.error(Code::UnknownOperator, member.name.span, message);
                    continue;
                }
            };
            let Some(keys) = self.members(&member.value, name) else {
                continue;
            };
            for key in keys {
                if let Some(condition) = self.read_condition(operator, member.name.span, key) {
                    conditions.push(condition);
                }
            }
        }
        conditions
    }

    fn read_condition(&mut self, operator: Operator, operator_span: Span, member: &Member) -> Option<Condition> {
        let key = Text::of_scalar(&member.name)?;
        let mut values = Vec::with_capacity(member.value.one_or_many().len());
        for item in member.value.one_or_many() {
            match Text::of_scalar(item) {
                Some(text) => values.push(text),
                None => {
                    let message = format!(
                        "a condition value must be a string, number, boolean or a list of them, not {}",
                        item.kind_name()
                    );
                    self.error(Code::WrongType, item.span, message);
                }
            }
        }
        Some(Condition { operator, operator_span, key, values, span: member.value.span })
    }

    pub(super) fn principal_forbidden(&mut self, member: &Member) -> Option<PrincipalElement> {
        let name = member.name.as_str(self.source).unwrap_or_default();
        let message = format!("a{} {} has no `{name}`", self.article(), self.options.kind.words());
        self.error(Code::ForbiddenElement, member.name.span, message);
        None
    }

    fn article(&self) -> &'static str {
        if self.options.kind == PolicyKind::Identity { "n" } else { "" }
    }
}

/// ` (did you mean …?)` where only case or one letter differs.
fn suggest(found: &str, known: &[&str]) -> String {
    let near = |name: &&&str| {
        name.eq_ignore_ascii_case(found)
            || name.len().abs_diff(found.len()) <= 1
                && name.chars().zip(found.chars()).filter(|(a, b)| !a.eq_ignore_ascii_case(b)).count() <= 1
    };
    known.iter().find(near).map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}
