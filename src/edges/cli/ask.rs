//! `can` and `why`.

use super::args::{Ask, Format};
use super::{NO, UNASKED, UNDECIDED, YES, files, http, now, say};
use crate::decision::{Authorizer, Decision};
use crate::simulate::question::{Question, quoted};
use crate::simulate::render::{self, Rendered};
use crate::simulate::scenario::Expected;
use crate::simulate::wire;
use crate::simulate::world::{AskError, World};
use crate::simulate::{actions, world};
use anstream::eprintln;

/// Answers one question, or a table of them where the action has a wildcard.
pub(super) fn can(ask: &Ask, long: bool) -> u8 {
    let world = match files::world(&ask.world.world, ask.world.strict) {
        Ok(world) => world,
        Err(error) => {
            eprintln!("{}", error.0);
            return UNASKED;
        }
    };
    for (source, warning) in &world.warnings {
        eprintln!("{}", render::problems(source, std::slice::from_ref(warning)));
    }
    if let Some(sender) = &ask.sender {
        return http::can(ask, sender, &world, long);
    }
    let question = match ask.question() {
        Ok(question) => question,
        Err(message) => return misunderstood(&message),
    };
    let arn = match world.resource_arn(&question.resource) {
        Ok(arn) => arn,
        Err(error) => return refused(&error),
    };
    match actions::expand(&question.action, &arn) {
        None => one(ask, &world, &question, long),
        Some(actions) if actions.is_empty() => {
            eprintln!("error[E904]: no action matches `{}`", question.action);
            UNASKED
        }
        Some(actions) => table(ask, &world, &question, &actions),
    }
}

/// A question that is not well formed.
pub(super) fn misunderstood(message: &str) -> u8 {
    eprintln!("error[{}]: {message}", crate::words::codes::Code::BadQuestion);
    UNASKED
}

pub(super) fn refused(error: &AskError) -> u8 {
    eprintln!("error[{}]: {}", error.code, error.message);
    if !error.candidates.is_empty() {
        eprintln!("hint: did you mean `{}`?", error.candidates.join("`, `"));
    }
    UNASKED
}

/// The options that a command needs to ask the same world again.
fn options_of(ask: &Ask) -> String {
    let paths = ask.world.world.iter().map(|path| format!(" -w {}", quoted(&path.display().to_string())));
    paths.chain(ask.world.strict.then(|| " --strict".to_owned())).collect()
}

/// What the caller does with an explained answer.
struct Shown<'s> {
    asked: &'s world::Asked,
}

fn explained<T>(
    world: &World,
    question: &Question,
    see: impl FnOnce(&Shown<'_>, &Authorizer, &crate::decision::AuthorizationRequest<'_>) -> T,
) -> Result<T, AskError> {
    let asked = world.ask(question, now())?;
    let authorizer = Authorizer::new(asked.layers.clone());
    let request = asked.request.as_request(authorizer.layers()).map_err(|message| AskError {
        code: crate::words::codes::Code::UnknownPrincipal,
        message,
        candidates: Vec::new(),
    })?;
    Ok(see(&Shown { asked: &asked }, &authorizer, &request))
}

/// What an answer is made from beside authorizer and request.
pub(super) struct About<'a> {
    pub question: &'a Question,
    pub given: &'a [String],
    pub gaps: &'a [world::Gap],
    pub clock_used: bool,
    /// See [`Rendered::options`].
    pub options: Option<&'a str>,
}

/// An answer in the form that was asked for.
pub(super) struct Answered {
    pub decision: Decision,
    pub form: Form,
}

/// The form of an answer.
pub(super) enum Form {
    Human(String),
    Json(Box<wire::Answer>),
    Aws(wire::EvaluationResult),
}

/// Explains a decision in the form that was asked for.
pub(super) fn answered(
    format: Format,
    long: bool,
    about: &About<'_>,
    authorizer: &Authorizer,
    request: &crate::decision::AuthorizationRequest<'_>,
) -> Answered {
    let explanation = authorizer.explain(request);
    let remedies = authorizer.remedies(request);
    let form = match format {
        Format::Human => {
            let rendered = Rendered {
                question: about.question,
                explanation: &explanation,
                given: about.given,
                gaps: about.gaps,
                remedies: &remedies,
                clock_used: about.clock_used,
                options: about.options,
            };
            Form::Human(if long { render::long(&rendered) } else { render::short(&rendered) })
        }
        Format::Json => Form::Json(Box::new(wire::answer(&explanation, about.given, about.gaps, remedies))),
        Format::Aws => Form::Aws(wire::evaluation_result(&explanation)),
    };
    Answered { decision: explanation.decision, form }
}

/// Asks one question.
pub(super) fn asked(ask: &Ask, world: &World, question: &Question, long: bool) -> Result<Answered, AskError> {
    let options = options_of(ask);
    explained(world, question, |shown, authorizer, request| {
        let about = About {
            question,
            given: &shown.asked.given,
            gaps: &shown.asked.gaps,
            clock_used: shown.asked.clock_used,
            options: Some(&options),
        };
        answered(ask.format, long, &about, authorizer, request)
    })
}

fn one(ask: &Ask, world: &World, question: &Question, long: bool) -> u8 {
    match asked(ask, world, question, long) {
        Ok(answered) => {
            match answered.form {
                Form::Human(text) => say(&text),
                Form::Json(answer) => json(&answer),
                Form::Aws(result) => json(&AwsResponse::new(vec![result])),
            }
            status(ask, &[answered.decision])
        }
        Err(error) => refused(&error),
    }
}

fn table(ask: &Ask, world: &World, question: &Question, actions: &[String]) -> u8 {
    let mut decisions = Vec::new();
    let mut answers = Vec::new();
    let mut results = Vec::new();
    let mut lines = Vec::new();
    for action in actions {
        let question = Question { action: action.clone(), ..question.clone() };
        let answered = explained(world, &question, |shown, authorizer, request| {
            let explanation = authorizer.explain(request);
            let (glyph, word, _) = render::verdict(explanation.decision);
            let by = explanation.deciding().map_or_else(String::new, |v| format!("{}#{}", v.policy.name(), v.title()));
            lines.push(
                format!("{glyph} {word:9} {action:48} {} {by}", explanation.decision.basis().code)
                    .trim_end()
                    .to_owned(),
            );
            match ask.format {
                Format::Human => {}
                Format::Json => {
                    let remedies = authorizer.remedies(request);
                    answers.push(wire::answer(&explanation, &shown.asked.given, &shown.asked.gaps, remedies));
                }
                Format::Aws => results.push(wire::evaluation_result(&explanation)),
            }
            explanation.decision
        });
        match answered {
            Ok(decision) => decisions.push(decision),
            Err(error) => return refused(&error),
        }
    }
    match ask.format {
        Format::Human => {
            let allowed = decisions.iter().filter(|d| d.is_allowed()).count();
            say(&format!(
                "{allowed} of {} actions allowed  {}  {}
",
                actions.len(),
                render::clean(&question.principal),
                render::clean(&question.resource)
            ));
            lines.iter().for_each(|line| say(&format!("{line}\n")));
        }
        Format::Json => json(&Answers { version: wire::VERSION, answers }),
        Format::Aws => json(&AwsResponse::new(results)),
    }
    status(ask, &decisions)
}

/// Several answers.
#[derive(serde::Serialize)]
pub(super) struct Answers {
    pub version: u32,
    pub answers: Vec<wire::Answer>,
}

/// `SimulatePolicyResponse`.
#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AwsResponse {
    evaluation_results: Vec<wire::EvaluationResult>,
    is_truncated: bool,
}

impl AwsResponse {
    pub(super) fn new(evaluation_results: Vec<wire::EvaluationResult>) -> Self {
        Self { evaluation_results, is_truncated: false }
    }
}

pub(super) fn json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(&format!("{text}\n")),
        Err(error) => eprintln!("error: {error}"),
    }
}

pub(super) fn status(ask: &Ask, decisions: &[Decision]) -> u8 {
    if decisions.iter().any(Decision::is_undecided) {
        return UNDECIDED;
    }
    if decisions.iter().all(|d| expected(ask).met_by(d.word())) { YES } else { NO }
}

/// The answer that exit status 0 means.
pub(super) fn expected(ask: &Ask) -> Expected {
    ask.expect.as_deref().and_then(Expected::parse).unwrap_or(Expected::Allow)
}
