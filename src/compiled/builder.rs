//! From a document to its compiled form.

use super::condition::{Condition, Operand, OperandValue};
use super::index::{Entry, Index};
use super::pattern::{KeyRef, Matcher, Pattern, Run, Variable};
use super::principal::{NameKind, PrincipalName, Principals, name_hash, named_account};
use super::statement::{ActionClass, CompiledPolicy, Resources, Statement};
use crate::policy::document::{self, MatchList, PrincipalType, Text};
use crate::policy::operators::{Family, Operator};
use crate::policy::{Effect, PolicyDocument, PolicyKind, Version};
use crate::words::ids::{Prehashed, continue_lower, hash_lower};
use crate::words::problem::Span;
use crate::words::template::{self, Piece, Special};
use crate::words::values;
use crate::words::vocabulary::{self, ActionId};
use crate::words::wildcard::{Token, part_of};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// The unique id that stands for an ARN.
type UniqueIds<'d> = &'d dyn Fn(&str) -> Option<String>;

pub(super) fn compile(name: Arc<str>, document: &PolicyDocument, ids: Option<UniqueIds<'_>>) -> CompiledPolicy {
    let source = document.source();
    let count = document.statements().len();
    let mut builder = Builder {
        source: &source.text,
        arena: (ids.is_some() || has_decoded_text(document)).then(String::new),
        ids,
        variables_live: document.version() == Version::V2012,
        statements: Vec::with_capacity(count),
        class_numbers: HashMap::default(),
        classes: Vec::new(),
        patterns: Vec::with_capacity(count * 2),
        tokens: Vec::new(),
        variables: Vec::new(),
        names: Vec::new(),
        conditions: Vec::new(),
        operands: Vec::new(),
    };
    for statement in document.statements() {
        builder.statement(statement);
    }
    let arena = builder.arena.take().map_or_else(|| source.text.clone(), Arc::from);
    let mut policy = CompiledPolicy {
        name,
        source: source.clone(),
        document: document.span(),
        arena,
        kind: document.kind(),
        // S3 alone asks, of bucket policies.
        public: document.kind() == PolicyKind::Bucket && document.is_public(),
        statements: builder.statements.into(),
        classes: builder.classes.into(),
        patterns: builder.patterns.into(),
        tokens: builder.tokens.into(),
        variables: builder.variables.into(),
        names: builder.names.into(),
        conditions: builder.conditions.into(),
        operands: builder.operands.into(),
        warnings: document.warnings().into(),
        denies: Index::default(),
        allows: Index::default(),
    };
    policy.denies = index(&policy, Effect::Deny);
    policy.allows = index(&policy, Effect::Allow);
    policy
}

fn index(policy: &CompiledPolicy, effect: Effect) -> Index {
    let entries = (0_u32..).zip(policy.statements()).filter(|(_, s)| s.effect == effect);
    Index::build(policy, entries.map(|(id, statement)| Entry { id, statement }).collect())
}

/// Texts with escapes have to be copied into an arena; otherwise the source itself is the arena.
fn has_decoded_text(document: &PolicyDocument) -> bool {
    document.statements().iter().any(|s| {
        let principals = s.principal.iter().flat_map(|p| p.entries.iter().map(|(_, t)| t));
        let resources = s.resources.iter().flat_map(|r| &r.items);
        let conditions = s.conditions.iter().flat_map(|c| c.values.iter().chain([&c.key]));
        let mut texts = s.sid.iter().chain(principals).chain(&s.actions.items).chain(resources).chain(conditions);
        texts.any(Text::is_decoded)
    })
}

struct Builder<'d> {
    source: &'d str,
    arena: Option<String>,
    ids: Option<UniqueIds<'d>>,
    variables_live: bool,
    statements: Vec<Statement>,
    class_numbers: HashMap<u64, Vec<u32>, BuildHasherDefault<Prehashed>>,
    classes: Vec<ActionClass>,
    patterns: Vec<Pattern>,
    tokens: Vec<Token>,
    variables: Vec<Variable>,
    names: Vec<PrincipalName>,
    conditions: Vec<Condition>,
    operands: Vec<Operand>,
}

fn run_since<T>(pool: &[T], start: usize) -> Run {
    let number = |n: usize| u32::try_from(n).expect("documents are limited to 64 MiB");
    Run { start: number(start), len: number(pool.len() - start) }
}

impl<'d> Builder<'d> {
    /// The text and where it stands in the arena.
    fn place(&mut self, text: &'d Text) -> (&'d str, Span) {
        let content = text.get(self.source);
        let span = self.place_str(content);
        (content, span)
    }

    fn place_str(&mut self, content: &str) -> Span {
        match &mut self.arena {
            None => part_of(self.source, content),
            Some(arena) => {
                let start = arena.len();
                arena.push_str(content);
                Span::new(start, arena.len())
            }
        }
    }

    fn statement(&mut self, statement: &'d document::Statement) {
        let class = self.class(&statement.actions);
        let principals = statement.principal.as_ref().map_or(Principals::Unstated, |p| self.principals(p));
        let resources = statement
            .resources
            .as_ref()
            .map(|list| Resources { negated: list.negated, patterns: self.patterns_of(list, true) });
        let first = self.conditions.len();
        for condition in &statement.conditions {
            let compiled = self.condition(condition);
            self.conditions.push(compiled);
        }
        let conditions = run_since(&self.conditions, first);
        let sid = statement.sid.as_ref().map(|sid| self.place(sid).1);
        self.statements.push(Statement {
            effect: statement.effect,
            class,
            actions_span: statement.actions.span,
            principals,
            resources,
            conditions,
            sid,
            span: statement.span,
        });
    }

    /// Statements with the same actions share a class.
    fn class(&mut self, actions: &'d MatchList) -> u32 {
        let hash = actions.items.iter().fold(u64::from(actions.negated), |hash, item| {
            continue_lower(hash ^ hash_lower(","), item.get(self.source))
        });
        let known = self.class_numbers.get(&hash).into_iter().flatten().copied();
        for number in known {
            if self.classes.get(number as usize).is_some_and(|class| self.is_class(class, actions)) {
                return number;
            }
        }
        let patterns = self.patterns_of(actions, false);
        let class = ActionClass { known: self.known_actions(actions), negated: actions.negated, patterns };
        let number = u32::try_from(self.classes.len()).expect("fewer classes than statements");
        self.classes.push(class);
        self.class_numbers.entry(hash).or_default().push(number);
        number
    }

    fn is_class(&self, class: &ActionClass, actions: &MatchList) -> bool {
        let arena = self.arena.as_deref().unwrap_or(self.source);
        let patterns = class.patterns.of(&self.patterns);
        class.negated == actions.negated
            && patterns.len() == actions.items.len()
            && patterns.iter().zip(&actions.items).all(|(p, item)| p.text.of(arena) == item.get(self.source))
    }

    fn known_actions(&self, actions: &MatchList) -> [u64; ActionId::COUNT.div_ceil(64)] {
        let mut known = [0_u64; ActionId::COUNT.div_ceil(64)];
        let mut set = |id: ActionId| {
            if let Some(word) = known.get_mut(id.index() / 64) {
                *word |= 1 << (id.index() % 64);
            }
        };
        for item in &actions.items {
            let text = item.get(self.source);
            if text == "*" {
                known = [u64::MAX; ActionId::COUNT.div_ceil(64)];
                break;
            }
            let Some((prefix, name)) = text.split_once(':') else { continue };
            if let Some(service) = vocabulary::Service::from_prefix(prefix) {
                vocabulary::actions_matching(service, name).for_each(&mut set);
            }
        }
        if actions.negated { known.map(|word| !word) } else { known }
    }

    fn principals(&mut self, element: &'d document::PrincipalElement) -> Principals {
        let first = self.names.len();
        let mut everyone = false;
        for (kind, text) in &element.entries {
            let (content, place) = self.place(text);
            let (kind, compared, place) = match kind {
                PrincipalType::Everyone => {
                    everyone = true;
                    continue;
                }
                PrincipalType::Aws => match named_account(content) {
                    Some(account) => {
                        let at = part_of(content, account);
                        let place = Span { start: place.start + at.start, end: place.start + at.end };
                        (NameKind::Account, account, place)
                    }
                    None if content.starts_with("arn:") => match self.ids.and_then(|ids| ids(content)) {
                        Some(id) => {
                            let (place, hash) = (self.place_str(&id), name_hash(NameKind::UniqueId, &id));
                            self.names.push(PrincipalName {
                                kind: NameKind::UniqueId,
                                text: place,
                                hash,
                                span: text.span,
                            });
                            continue;
                        }
                        None => (NameKind::Arn, content, place),
                    },
                    None => (NameKind::UniqueId, content, place),
                },
                PrincipalType::Service => (NameKind::Service, content, place),
                PrincipalType::Federated => (NameKind::Federated, content, place),
                PrincipalType::CanonicalUser => (NameKind::Canonical, content, place),
            };
            self.names.push(PrincipalName { kind, text: place, hash: name_hash(kind, compared), span: text.span });
        }
        let names = run_since(&self.names, first);
        if element.negated { Principals::Excluded { everyone, names } } else { Principals::Listed { everyone, names } }
    }

    fn patterns_of(&mut self, list: &'d MatchList, arn: bool) -> Run {
        let first = self.patterns.len();
        for item in &list.items {
            let (content, text) = self.place(item);
            let special = Special { wildcards: true, variables: arn && self.variables_live };
            let matcher =
                if content.starts_with("arn:") && special.variables && template::first_variable(content).is_some() {
                    self.arn_matcher(content, text)
                } else {
                    self.matcher(content, text, special)
                };
            self.patterns.push(Pattern { text, span: item.span, matcher });
        }
        run_since(&self.patterns, first)
    }

    /// Variables are expanded only behind the fifth colon of an ARN; before it `${…}` is plain text.
    fn arn_matcher(&mut self, content: &str, place: Span) -> Matcher {
        let Some(colon) = fifth_colon_outside_braces(content) else {
            return self.matcher(content, place, Special { wildcards: true, variables: false });
        };
        let (head, tail) = content.split_at(colon + 1);
        let first = self.tokens.len();
        self.push_tokens(head, place.start, Special { wildcards: true, variables: false });
        let variables = self.push_tokens(
            tail,
            place.start + part_of(content, tail).start,
            Special { wildcards: true, variables: true },
        );
        self.simplest(first, variables)
    }

    fn matcher(&mut self, content: &str, place: Span, special: Special) -> Matcher {
        if content == "*" && special.wildcards {
            return Matcher::Any;
        }
        if !content.bytes().any(|b| matches!(b, b'*' | b'?' | b'$')) {
            return Matcher::Exact(place);
        }
        let first = self.tokens.len();
        let variables = self.push_tokens(content, place.start, special);
        self.simplest(first, variables)
    }

    /// Appends the tokens of a text standing at `base` in the arena; tells whether variables are among them.
    fn push_tokens(&mut self, content: &str, base: u32, special: Special) -> bool {
        let mut variables = false;
        let at = |part: &str| {
            let span = part_of(content, part);
            Span { start: base + span.start, end: base + span.end }
        };
        template::each_piece(content, special, |piece| {
            let token = match piece {
                Piece::Literal(text) => Token::Literal(at(text)),
                Piece::One => Token::One,
                Piece::Run => Token::Run,
                Piece::Variable { key, default } => {
                    variables = true;
                    let number = u32::try_from(self.variables.len()).expect("documents are limited to 64 MiB");
                    self.variables.push(Variable { key: KeyRef::new(key, at(key)), default: default.map(at) });
                    Token::Variable(number)
                }
            };
            self.tokens.push(token);
        });
        variables
    }

    /// Takes the tokens since `first` back where a cheaper matcher does the same.
    fn simplest(&mut self, first: usize, variables: bool) -> Matcher {
        let simple = match self.tokens.get(first..) {
            Some([]) => Some(Matcher::Exact(Span::default())),
            Some([Token::Literal(text)]) => Some(Matcher::Exact(*text)),
            Some([Token::Literal(text), Token::Run]) => Some(Matcher::Prefix(*text)),
            Some([Token::Run]) => Some(Matcher::Any),
            _ => None,
        };
        if let Some(matcher) = simple {
            self.tokens.truncate(first);
            return matcher;
        }
        Matcher::Glob { tokens: run_since(&self.tokens, first), variables }
    }

    fn condition(&mut self, condition: &'d document::Condition) -> Condition {
        let (key_text, place) = self.place(&condition.key);
        let key = KeyRef::new(key_text, place);
        let first = self.operands.len();
        for value in &condition.values {
            let (content, text) = self.place(value);
            let value_of = self.operand(condition.operator, content, text);
            self.operands.push(Operand { text, span: value.span, value: value_of });
        }
        let operands = run_since(&self.operands, first);
        let has_never = operands.of(&self.operands).iter().any(|o| matches!(o.value, OperandValue::Never));
        Condition {
            operator: condition.operator,
            key,
            operands,
            has_never: has_never || condition.values.is_empty(),
            operator_span: condition.operator_span,
            span: condition.span,
        }
    }

    fn operand(&mut self, operator: Operator, content: &str, place: Span) -> OperandValue {
        let variables = self.variables_live && operator.takes_variables();
        let parsed = match operator.family {
            Family::Text | Family::TextIgnoreCase => {
                Some(OperandValue::Pattern(self.matcher(content, place, Special { wildcards: false, variables })))
            }
            Family::Like => {
                Some(OperandValue::Pattern(self.matcher(content, place, Special { wildcards: true, variables })))
            }
            Family::Arn => {
                let matcher = self.matcher(content, place, Special { wildcards: true, variables });
                let six_parts =
                    fifth_colon_outside_braces(content).is_some() || template::first_variable(content).is_some();
                six_parts.then_some(OperandValue::Pattern(matcher))
            }
            Family::Number => values::Number::parse(content).map(|n| OperandValue::Number(n.small())),
            Family::Date => values::parse_instant(content).map(OperandValue::Instant),
            Family::Bool | Family::Null => values::parse_bool(content).map(OperandValue::Bool),
            Family::Binary => values::parse_base64(content).map(|()| OperandValue::Binary),
            Family::Ip => values::parse_range(content).map(OperandValue::Range),
        };
        parsed.unwrap_or(OperandValue::Never)
    }
}

/// The fifth colon that does not stand inside `${…}`: tag keys may have colons.
fn fifth_colon_outside_braces(text: &str) -> Option<usize> {
    let mut colons = 0;
    let mut inside = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if at > 0 && text.as_bytes().get(at - 1) == Some(&b'$') => inside = true,
            b'}' => inside = false,
            b':' if !inside => {
                colons += 1;
                if colons == 5 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}
