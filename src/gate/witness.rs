//! Who sees decisions, and the answers that nobody may act on before they are kept.

use super::authorize::Refusal;
use super::operations::{Method, Row};
use super::services::Service;
use crate::decision::{AuthorizationRequest, Authorizer, Decision, Explanation};
use std::pin::Pin;

/// The operation that a decision is a step of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The service.
    pub service: Service,
    /// The operation's name in the service's API.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The operation changes nothing.
    pub read_only: bool,
}

impl Step {
    /// A step of an S3 operation.
    #[must_use]
    pub fn of(row: &'static Row) -> Self {
        let read_only = matches!(row.method, Method::Get | Method::Head);
        Self { service: Service::S3, operation: row.name, method: row.method, read_only }
    }
}

/// A decision as it was made.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// The operation it belongs to.
    pub step: Step,
    /// What was asked.
    pub request: &'a AuthorizationRequest<'a>,
    /// What it was held against.
    pub authorizer: &'a Authorizer,
    /// The same authorizer will be asked by later requests.
    pub lasts: bool,
    /// The answer.
    pub decision: Decision,
    /// Of a denial, why.
    pub explanation: Option<&'a Explanation<'a>>,
    /// How long it took to decide, in nanoseconds, by the witness's clock.
    pub took_ns: u64,
}

/// What a [`Witness`] still waits for: nothing, or this.
pub type Keeping<'w> = Option<Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'w>>>;

/// Sees each decision as it is made, and keeps it.
pub trait Witness: Sync {
    /// A clock that only goes forward, in nanoseconds; 0 where nobody measures.
    fn nanos(&self) -> u64 {
        0
    }

    /// One decision; a request's decisions come in the order of its row's needs.
    fn decided(&self, decided: &Decided<'_>);

    /// Waits until every decision that it saw is kept. It fails with a sentence where one cannot be.
    fn kept(&self) -> Keeping<'_>;
}

/// An answer of the gate that nobody may act on yet: [`Verdict::kept`] gives it once every decision behind it is
/// kept.
///
/// INVARIANT: there is no other way to what stands in it, so that neither a grant nor the reason of a refusal can
/// have an effect before its decisions are written down.
#[must_use = "nothing is allowed before it is kept"]
pub struct Verdict<'w, T> {
    answer: Result<T, Refusal>,
    witness: &'w dyn Witness,
}

/// The answer to a second question, if there was one: see [`Verdict::and_ask`].
pub type Next<T> = Option<Result<T, Refusal>>;

impl<T> std::fmt::Debug for Verdict<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verdict").field("allowed", &self.answer.is_ok()).finish_non_exhaustive()
    }
}

impl<'w, T> Verdict<'w, T> {
    pub(super) fn new(answer: Result<T, Refusal>, witness: &'w dyn Witness) -> Self {
        Self { answer, witness }
    }

    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.answer.as_ref().err()
    }

    /// Asks the next question where this one was a yes; both are waited for at once.
    ///
    /// INVARIANT: what comes of it is not to be had before the decisions of both are kept.
    pub fn and_ask<U>(self, next: impl FnOnce() -> Option<Verdict<'w, U>>) -> Verdict<'w, (T, Next<U>)> {
        let witness = self.witness;
        let answer = self.answer.map(|first| (first, next().map(|next| next.seen_by(witness))));
        Verdict { answer, witness }
    }

    fn seen_by(self, witness: &'w dyn Witness) -> Result<T, Refusal> {
        // Waiting for one witness says nothing of what another keeps.
        if std::ptr::addr_eq(self.witness, witness) {
            return self.answer;
        }
        Err(Refusal::Unasked("the questions of a request have one witness".to_owned()))
    }

    /// Whether it was a yes: for questions nothing is done by.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.answer.is_ok()
    }

    /// The answer, once its decisions are kept.
    ///
    /// # Errors
    /// The refusal; [`Refusal::Unkept`] where the decisions cannot be kept.
    pub async fn kept(self) -> Result<T, Refusal> {
        if let Some(keeping) = self.witness.kept() {
            keeping.await.map_err(Refusal::Unkept)?;
        }
        self.answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    /// Counts how often it is waited for, and keeps nothing if it is told so.
    #[derive(Default)]
    struct Counting {
        waits: AtomicUsize,
        fails: bool,
    }

    impl Witness for Counting {
        fn decided(&self, _: &Decided<'_>) {}

        fn kept(&self) -> Keeping<'_> {
            self.waits.fetch_add(1, Ordering::Relaxed);
            let result = if self.fails { Err("the disk is gone".to_owned()) } else { Ok(()) };
            Some(Box::pin(std::future::ready(result)))
        }
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing to wait for"),
        }
    }

    fn denied() -> Refusal {
        Refusal::Denied { explicit: true, sentence: None }
    }

    #[test]
    fn two_answers_are_waited_for_at_once() {
        let witness = Counting::default();
        let both = Verdict::new(Ok(1), &witness).and_ask(|| Some(Verdict::new(Ok("key"), &witness)));
        assert_eq!(ready(both.kept()), Ok((1, Some(Ok("key")))));
        let both = Verdict::new(Ok(1), &witness).and_ask(|| Some(Verdict::<()>::new(Err(denied()), &witness)));
        assert_eq!(ready(both.kept()), Ok((1, Some(Err(denied())))));
        let one = Verdict::new(Ok(1), &witness).and_ask(|| None::<Verdict<'_, ()>>);
        assert_eq!(ready(one.kept()), Ok((1, None)));
        assert_eq!(witness.waits.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn behind_a_refusal_nothing_is_asked() {
        let (witness, asked) = (Counting::default(), Cell::new(false));
        let refused = Verdict::<()>::new(Err(denied()), &witness).and_ask(|| {
            asked.set(true);
            Some(Verdict::new(Ok(()), &witness))
        });
        assert_eq!(ready(refused.kept()), Err(denied()));
        assert!(!asked.get());
    }

    #[test]
    fn what_is_not_kept_allows_nothing() {
        let (fails, other) = (Counting { fails: true, ..Counting::default() }, Counting::default());
        let both = Verdict::new(Ok(1), &fails).and_ask(|| Some(Verdict::new(Ok(2), &fails)));
        assert_eq!(ready(both.kept()), Err(Refusal::Unkept("the disk is gone".to_owned())));
        // The second answer's own witness would not be waited for.
        let strange = Verdict::new(Ok(1), &other).and_ask(|| Some(Verdict::new(Ok(2), &fails)));
        assert!(matches!(ready(strange.kept()), Ok((1, Some(Err(Refusal::Unasked(_)))))));
    }
}
