//! What is answered before the fact, what the server does, and what its log explains afterwards are one thing.
#![cfg(feature = "server")]

#[path = "agree/in_force.rs"]
mod in_force;
#[path = "agree/recorded.rs"]
mod recorded;
#[path = "agree/requests.rs"]
mod requests;
mod support;
#[path = "agree/worlds.rs"]
mod worlds;

use portcullis::simulate::world::{Bundle, World};
use requests::{Decided, Expected, Request, timeless};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use support::{Server, TempDir};
use worlds::Random;

/// `AGREE_SEED` and `AGREE_WORLDS` ask for other and for more worlds.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}

const REQUESTS: usize = 25;
/// Every so many requests the command line is asked too.
const BY_COMMAND: usize = 12;
/// Worlds at a time.
const THREADS: usize = 3;

#[test]
fn the_simulator_and_the_server_agree() {
    let (seed, count) = (setting("AGREE_SEED", 20_261_122), setting("AGREE_WORLDS", 30));
    println!("AGREE_SEED={seed} AGREE_WORLDS={count}");
    let mut wrong = Vec::new();
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let part = |first: u64| (first..count).step_by(THREADS).map(move |number| one_world(seed.wrapping_add(number)));
        let parts: Vec<_> =
            (0..count.min(THREADS as u64)).map(|first| scope.spawn(move || part(first).collect::<Vec<_>>())).collect();
        for (found, counted) in parts.into_iter().flat_map(|part| part.join().expect("a world that can be asked")) {
            wrong.extend(found);
            tally.add(&counted);
        }
    });
    println!("{tally:?}");
    assert!(wrong.is_empty(), "{} disagreements:\n{}", wrong.len(), wrong.join("\n"));
    if count >= 25 {
        assert!(tally.pairs >= 250 && tally.commands >= 20, "{tally:?}");
        assert!(tally.allowed * 5 >= tally.pairs && tally.allowed * 5 <= tally.pairs * 4, "one-sided: {tally:?}");
    }
}

#[derive(Debug, Default)]
struct Tally {
    pairs: usize,
    allowed: usize,
    decisions: usize,
    commands: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.allowed += other.allowed;
        self.decisions += other.decisions;
        self.commands += other.commands;
    }
}

/// One world, one server, many requests: what they disagree about.
fn one_world(seed: u64) -> (Vec<String>, Tally) {
    let mut tally = Tally::default();
    let mut random = Random(seed);
    let text = random.world().to_string();
    let world: World = Bundle::of_text("world.json", &text).world().unwrap_or_else(|problems| {
        let all: Vec<&str> = problems.iter().flat_map(|p| &p.list).map(|p| &*p.message).collect();
        panic!("AGREE_SEED={seed}: {all:?}")
    });
    let directory = TempDir::new();
    let server = Server::of_world(&directory, &text, &[]);
    let mut used = HashSet::new();
    let mut asked: Vec<(Request, Expected, String)> = Vec::new();
    let mut wrong = Vec::new();
    for number in 0..REQUESTS {
        let is_last = number + 1 == REQUESTS;
        let mut request = if is_last { random.last_request(number) } else { random.request(&used, number) };
        let answer = request.send(&server);
        let let_through = request.was_let_through(&answer);
        let expected = request.expected(&world);
        if let_through != expected.allowed {
            let decisions: Vec<_> = expected.decisions.iter().map(|d| (&d.action, &d.outcome, &d.code)).collect();
            wrong.push(format!(
                "{request}: {} {} {:?}; the library says {decisions:?}",
                answer.status,
                answer.code(),
                answer.element("Message")
            ));
        }
        if let_through {
            used.extend(request.changed().cloned());
        }
        if number % BY_COMMAND == 0 {
            tally.commands += 1;
            wrong.extend(by_command(&request, &expected, &directory.path().join("world.json")));
        }
        tally.pairs += 1;
        tally.allowed += usize::from(let_through);
        asked.push((request, expected, answer.header("x-amz-request-id").to_owned()));
    }
    let log = trail_of(&directory.path().join("data"));
    for (request, expected, id) in &asked {
        tally.decisions += expected.decisions.len();
        let none = Vec::new();
        let events = log.get(id).unwrap_or(&none);
        wrong.extend(by_log(request, expected, events));
    }
    (wrong.into_iter().map(|line| format!("AGREE_SEED={seed} AGREE_WORLDS=1: {line}")).collect(), tally)
}

/// The command line tells the same decisions.
fn by_command(request: &Request, expected: &Expected, world: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let (answer, status) = request.why(world);
    let overall = answer["decision"].as_str().unwrap_or_default();
    if (overall == "allow") != (status == 0) || !["allow", "explicit-deny", "implicit-deny"].contains(&overall) {
        wrong.push(format!("{request}: `why` says {overall} and exits with {status}"));
    }
    // Whether an object that is not there is told of is the server's to say.
    if !expected.more_follow && (overall == "allow") != expected.allowed {
        wrong.push(format!("{request}: `why` says {overall}: {}", answer["refusal"]));
    }
    let answers = answer["answers"].as_array().cloned().unwrap_or_default();
    for (decided, shown) in expected.decisions.iter().zip(&answers) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let context = shown["request"]["context"].as_array().cloned().unwrap_or_default();
        let context = context.iter().map(|key| {
            let values = key["values"].as_array().into_iter().flatten().map(text).collect();
            (text(&key["key"]).to_ascii_lowercase(), values)
        });
        let told = Decided {
            action: text(&shown["request"]["action"]),
            resource: text(&shown["request"]["resource"]),
            outcome: text(&shown["decision"]),
            code: text(&shown["code"]),
            context: timeless(context),
        };
        if told != *decided {
            wrong.push(format!("{request}: `why` {}", told.against(decided)));
        }
    }
    if answers.len() < expected.decisions.len() {
        wrong.push(format!("{request}: `why` tells only {} decisions", answers.len()));
    }
    wrong
}

/// The server made the same decisions, by the same facts.
fn by_log(request: &Request, expected: &Expected, events: &[Decided]) -> Vec<String> {
    let mut wrong = Vec::new();
    let wanted = expected.decisions.len();
    if events.len() < wanted || !expected.more_follow && events.len() != wanted {
        wrong.push(format!("{request}: the server made {} decisions, the library {wanted}", events.len()));
    }
    for (decided, event) in expected.decisions.iter().zip(events) {
        if decided != event {
            wrong.push(format!("{request}: the server {}", event.against(decided)));
        }
    }
    wrong
}

/// The decisions of the trail by request id. An answer comes after its events, so that they are there.
fn trail_of(data: &Path) -> HashMap<String, Vec<Decided>> {
    let mut decisions: HashMap<String, Vec<Decided>> = HashMap::new();
    for (_, path) in portcullis::edges::trail_files::segments(&data.join("trail")).expect("a trail") {
        let text = std::fs::read_to_string(&path).expect("text");
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).expect("an event");
            let event = &event["portcullis"]["decision"];
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let context = event["request"]["context"].as_object().expect("an object").iter().map(|(key, values)| {
                let values = values.as_array().into_iter().flatten().map(word).collect();
                (key.to_ascii_lowercase(), values)
            });
            let context = timeless(context);
            let request = &event["request"];
            let (action, resource) = (word(&request["action"]), word(&request["resource"]));
            let (outcome, code) = (word(&event["outcome"]), word(&event["code"]));
            let decided = Decided { action, resource, outcome, code, context };
            decisions.entry(word(&event["id"])).or_default().push(decided);
        }
    }
    decisions
}
