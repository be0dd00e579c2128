//! Worlds and account dumps: who and what is in them, and a question about them with the policies that apply.

use super::VERSION;
use super::answer::QuestionProblem;
use super::filled::{Choice, WorldAsked, WorldQuestion};
use super::question::{Accepted, Question};
use crate::simulate::question::Question as Asking;
use crate::simulate::world::{AskError, Bundle, LoadContext, World};
use crate::words::codes::Code;
use crate::words::problem::{Problems, Source};

/// The world of a text: a world file, an account's dump, or the bundle that `portcullis playground` serves.
pub(super) fn world_of(text: &str) -> Result<World, Vec<QuestionProblem>> {
    let shown = |failed: Vec<Problems>| failed.iter().flat_map(problems_of).collect::<Vec<_>>();
    if let Some(bundle) = Bundle::parse(text) {
        return bundle.world().map_err(shown);
    }
    let mut world = World::default();
    let mut read = |_: &Source, _: &str| Err("a pasted text has no other files; put the document in place".to_owned());
    let mut context = LoadContext { read: &mut read, strict: false };
    world.load(&Source::new("pasted", text), &mut context).map_err(shown)?;
    Ok(world)
}

fn problems_of(problems: &Problems) -> Vec<QuestionProblem> {
    let shown = |p: &crate::words::problem::Problem| {
        let (line, column) = problems.source.position(p.span.start);
        QuestionProblem {
            code: p.code,
            message: format!("{}:{line}:{column}: {}", problems.source.name, p.message),
            candidates: Vec::new(),
        }
    };
    problems.list.iter().take(super::MAX_DIAGNOSTICS).map(shown).collect()
}

/// Who of a world can ask.
pub(super) fn principals(world: &World) -> Vec<Choice> {
    let mut found = Vec::new();
    for account in world.accounts.values() {
        let id = &account.id;
        let identities = account.users.iter().map(|(name, user)| ("user", name, user));
        for (kind, name, identity) in identities.chain(account.roles.iter().map(|(name, role)| ("role", name, role))) {
            let name = format!("{kind}/{name}@{id}");
            found.push(Choice { name, kind: kind.to_owned(), arn: identity.arn.clone() });
        }
        let root =
            Choice { name: format!("root@{id}"), kind: "root".to_owned(), arn: format!("arn:aws:iam::{id}:root") };
        found.push(root);
    }
    found
}

/// What can be asked for in a world.
pub(super) fn resources(world: &World) -> Vec<Choice> {
    let mut found = Vec::new();
    let mut add = |kind: &str, name: String| {
        // What a world names can be asked for by that name.
        if let Ok(arn) = world.resource_arn(&name) {
            found.push(Choice { name, kind: kind.to_owned(), arn });
        }
    };
    for account in world.accounts.values() {
        account.buckets.keys().for_each(|name| add("bucket", format!("s3://{name}")));
        account.keys.keys().for_each(|id| add("key", format!("key/{id}")));
        account.roles.values().for_each(|role| add("role", role.arn.clone()));
    }
    found
}

/// A question about a world, with the policies that apply as texts to edit.
#[must_use]
pub fn from_world(text: &str, question: &WorldQuestion) -> WorldAsked {
    let mut asked = WorldAsked { version: VERSION, question: None, gaps: Vec::new(), problems: Vec::new() };
    match world_of(text).and_then(|world| ask(&world, question)) {
        Ok((question, gaps)) => {
            asked.question = Some(question);
            asked.gaps = gaps;
        }
        Err(problems) => asked.problems = problems,
    }
    asked
}

fn ask(
    world: &World,
    question: &WorldQuestion,
) -> Result<(Question, Vec<crate::simulate::world::Gap>), Vec<QuestionProblem>> {
    let refused = |AskError { code, message, candidates }| vec![QuestionProblem { code, message, candidates }];
    let circumstances = Asking::parse_circumstances(&question.circumstances)
        .map_err(|message| vec![super::prepare::problem(Code::BadQuestion, message)])?;
    let WorldQuestion { principal, action, resource, .. } = question.clone();
    let asking = Asking { principal, action, resource, circumstances };
    let asked = world.ask(&asking, None).map_err(refused)?;
    Ok((Question::of(&asked.layers, &asked.request, Accepted::Stored), asked.gaps))
}
