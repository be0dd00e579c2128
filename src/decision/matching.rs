//! Whether one part of a statement meets the request: action, principal, resource.

use super::principal::{Named, Principal, PrincipalKind};
use super::request::{Action, AuthorizationRequest};
use crate::compiled::CompiledPolicy;
use crate::compiled::pattern::{Matcher, Pattern};
use crate::compiled::principal::{PrincipalName, Principals};
use crate::compiled::statement::{ActionClass, Resources, Statement};
use crate::policy::{Effect, PolicyKind};
use crate::words::wildcard::{self, Rules, Token};

/// A statement's policy and the request it is held against.
#[derive(Clone, Copy)]
pub(super) struct Subject<'r> {
    pub policy: &'r CompiledPolicy,
    pub request: &'r AuthorizationRequest<'r>,
    /// The principal carries a permissions boundary: `NotPrincipal` with `Deny` never spares it.
    pub bounded: bool,
}

impl<'r> Subject<'r> {
    #[inline]
    pub(super) fn action_met(&self, statement: &Statement) -> bool {
        let class = self.policy.class(statement.class);
        match self.request.action.id() {
            Some(id) => class.has(id),
            None => self.action_met_as_text(class, &self.request.action),
        }
    }

    fn action_met_as_text(&self, class: &ActionClass, action: &Action<'_>) -> bool {
        let patterns = self.policy.patterns(class.patterns);
        patterns.iter().any(|p| self.action_fits(p, action.as_str())) != class.negated
    }

    /// Whether one action pattern means an action, compared without case.
    pub(super) fn action_fits(&self, pattern: &Pattern, action: &str) -> bool {
        match pattern.matcher {
            Matcher::Any => true,
            Matcher::Exact(text) => self.policy.text(text).eq_ignore_ascii_case(action),
            Matcher::Prefix(text) => {
                let prefix = self.policy.text(text).as_bytes();
                action.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            }
            Matcher::Glob { tokens, .. } => {
                let rules = Rules { ignore_case: true, segmented_until: None };
                wildcard::matches(self.policy.tokens(tokens), self.policy.arena(), action, |_| None, rules, &mut ())
            }
            Matcher::Never => false,
        }
    }

    /// Whom the statement names, where it names the requester.
    #[expect(clippy::inline_always, reason = "measured: the calls cost more than the work")]
    #[inline(always)]
    pub(super) fn principal_named(&self, statement: &Statement) -> Option<Named> {
        match statement.principals {
            // In a trust or key policy `"*"` means every authenticated principal.
            Principals::Listed { everyone: true, .. } if self.is_anonymous_in_custody() => None,
            Principals::Unstated | Principals::Listed { everyone: true, .. } => Some(Named::Everyone),
            Principals::Listed { everyone: false, names } => {
                let names = self.policy.names(names).iter();
                names.filter_map(|name| self.name_of(name)).max()
            }
            Principals::Excluded { everyone: true, .. } => None,
            Principals::Excluded { .. } if statement.effect == Effect::Allow && self.is_anonymous_in_custody() => None,
            Principals::Excluded { everyone: false, names } => {
                let names = self.policy.names(names);
                let spared = match statement.effect {
                    Effect::Allow => names.iter().any(|name| self.name_of(name).is_some()),
                    Effect::Deny => !self.bounded && self.whole_chain_listed(names),
                };
                (!spared).then_some(Named::Everyone)
            }
        }
    }

    #[inline]
    fn is_anonymous_in_custody(&self) -> bool {
        self.request.principal.kind == PrincipalKind::Anonymous
            && matches!(self.policy.kind(), PolicyKind::Trust | PolicyKind::Key)
    }

    #[inline]
    fn name_of(&self, name: &PrincipalName) -> Option<Named> {
        let found = self.request.principal.named(name.hash, name.kind, self.policy.text(name.text))?;
        Some(found.named)
    }

    /// Whether every link of the requester's chain (session, role or user, account) is listed.
    fn whole_chain_listed(&self, listed: &[PrincipalName]) -> bool {
        let principal: &Principal<'_> = &self.request.principal;
        let is_listed = |link| {
            listed.iter().any(|entry| {
                let text = self.policy.text(entry.text);
                principal.names().any(|n| n.link == link && n.kind == entry.kind && n.text == text)
            })
        };
        let mut links = principal.names().map(|n| n.link).peekable();
        links.peek().is_some() && links.all(is_listed)
    }

    #[expect(clippy::inline_always, reason = "measured: the calls cost more than the work")]
    #[inline(always)]
    pub(super) fn resource_met(&self, statement: &Statement) -> bool {
        let Some(Resources { negated, patterns }) = statement.resources else { return true };
        let arn = self.request.resource.arn;
        let patterns = self.policy.patterns(patterns);
        for pattern in patterns {
            if self.fits(&pattern.matcher, arn, None) {
                return !negated;
            }
        }
        // A NotResource that cannot be read fails closed: the Deny holds, the Allow does not.
        negated && (statement.effect == Effect::Deny || patterns.iter().all(|p| self.is_resolved(&p.matcher)))
    }

    /// Whether a pattern fits a value; `segmented_until` as in [`Rules`]. One with a variable that has no
    /// value fits nothing.
    #[expect(clippy::inline_always, reason = "measured: the calls cost more than the work")]
    #[inline(always)]
    pub(super) fn fits(&self, matcher: &Matcher, value: &str, segmented_until: Option<usize>) -> bool {
        match *matcher {
            Matcher::Any if segmented_until.is_none() => true,
            Matcher::Exact(text) => self.policy.bytes(text) == value.as_bytes(),
            Matcher::Prefix(text) if segmented_until.is_none() => value.as_bytes().starts_with(self.policy.bytes(text)),
            Matcher::Any => self.fits_tokens(&[Token::Run], value, segmented_until),
            Matcher::Prefix(text) => self.fits_tokens(&[Token::Literal(text), Token::Run], value, segmented_until),
            Matcher::Glob { tokens, .. } => self.fits_tokens(self.policy.tokens(tokens), value, segmented_until),
            Matcher::Never => false,
        }
    }

    #[inline(never)]
    fn fits_tokens(&self, tokens: &[Token], value: &str, segmented_until: Option<usize>) -> bool {
        let rules = Rules { ignore_case: false, segmented_until };
        wildcard::matches(tokens, self.policy.arena(), value, |n| self.variable(n), rules, &mut ())
    }

    /// Whether every variable of a pattern has a value.
    fn is_resolved(&self, matcher: &Matcher) -> bool {
        match *matcher {
            Matcher::Glob { tokens, variables: true } => self.all_resolved(self.policy.tokens(tokens)),
            _ => true,
        }
    }

    pub(super) fn all_resolved(&self, tokens: &[Token]) -> bool {
        tokens.iter().all(|token| match token {
            Token::Variable(number) => self.variable(*number).is_some(),
            _ => true,
        })
    }

    /// The text a variable stands for. A key with several values has none; the default is for absent keys.
    pub(super) fn variable(&self, number: u32) -> Option<&'r str> {
        let variable = self.policy.variable(number)?;
        match self.request.context.lookup(&variable.key, self.policy.arena()) {
            None => variable.default.map(|default| self.policy.text(default)),
            Some(entry) if entry.is_multivalued() => None,
            Some(entry) => match entry.values() {
                [value] => Some(value.as_str()),
                _ => None,
            },
        }
    }
}
