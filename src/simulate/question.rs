//! The request grammar of the command line, as text: `alice GetObject s3://reports/q1.csv --from 203.0.113.7`.
//!
//! The command line itself and policy unit tests share it, so that a line under `can:` is what one would
//! type after `portcullis can`.

use nom::branch::alt;
use nom::bytes::complete::{is_not, take, take_till};
use nom::character::complete::{char, multispace0};
use nom::combinator::all_consuming;
use nom::multi::{many0, many1};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// One question, as it was asked; nothing is looked up yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Who.
    pub principal: String,
    /// What.
    pub action: String,
    /// On what.
    pub resource: String,
    /// The circumstances.
    pub circumstances: Circumstances,
}

/// The circumstances of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The source address.
    pub from: Option<String>,
    /// The time of the request.
    pub at: Option<String>,
    /// MFA was used; its age in seconds.
    pub mfa: Option<Option<String>>,
    /// Over TLS or not.
    pub https: Option<bool>,
    /// The VPC endpoint it came through.
    pub vpce: Option<String>,
    /// Other context keys, `KEY=VALUE`.
    pub context: Vec<String>,
    /// Layers that were not given and are taken to be absent.
    pub absent: Vec<String>,
    /// The bucket is yet to be created by the request that this is a part of.
    pub new_bucket: bool,
    /// The question is about the ACL of an object that the request makes.
    pub new_object: bool,
}

impl Circumstances {
    /// These, and what `defaults` says where these say nothing.
    #[must_use]
    pub fn or(mut self, defaults: &Self) -> Self {
        self.from = self.from.or_else(|| defaults.from.clone());
        self.at = self.at.or_else(|| defaults.at.clone());
        self.mfa = self.mfa.or_else(|| defaults.mfa.clone());
        self.https = self.https.or(defaults.https);
        self.vpce = self.vpce.or_else(|| defaults.vpce.clone());
        let key = |pair: &str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        let own: Vec<String> = self.context.iter().map(|c| key(c)).collect();
        self.context.extend(defaults.context.iter().filter(|c| !own.contains(&key(c))).cloned());
        self.absent.extend(defaults.absent.iter().cloned());
        self
    }
}

/// Splits a line into words as a shell does: blanks separate, single and double quotes hold together.
#[must_use]
pub fn words(line: &str) -> Option<Vec<String>> {
    let (_, words) = all_consuming(terminated(many0(preceded(multispace0, word)), multispace0)).parse(line).ok()?;
    Some(words)
}

fn word(input: &str) -> IResult<&str, String> {
    let single = delimited(char('\''), take_till(|c| c == '\''), char('\''));
    let double = delimited(char('"'), take_till(|c| c == '"'), char('"'));
    let escaped = preceded(char('\\'), take(1_usize));
    many1(alt((single, double, escaped, is_not(" \t\r\n'\"\\")))).map(|parts: Vec<&str>| parts.concat()).parse(input)
}

impl Question {
    /// Reads principal, action and resource, and any circumstances, from one line.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut positional = Vec::new();
        let circumstances = read(line, &mut positional)?;
        let count = positional.len();
        let [principal, action, resource] = <[String; 3]>::try_from(positional)
            .map_err(|_| format!("a question is `PRINCIPAL ACTION RESOURCE`, this one has {count} words"))?;
        Ok(Self { principal, action, resource, circumstances })
    }

    /// Reads circumstances alone: the `defaults` of a test file.
    ///
    /// # Errors
    /// A sentence about what is wrong with them.
    pub fn parse_circumstances(line: &str) -> Result<Circumstances, String> {
        let mut positional = Vec::new();
        let circumstances = read(line, &mut positional)?;
        match positional.first() {
            Some(word) => Err(format!("`{word}` is not an option")),
            None => Ok(circumstances),
        }
    }

    /// The question as one would type it, options included.
    #[must_use]
    pub fn line(&self) -> String {
        let mut out = vec![self.principal.clone(), self.action.clone(), self.resource.clone()];
        let c = &self.circumstances;
        let mut add = |option: &str, value: &Option<String>| {
            out.extend(value.iter().flat_map(|v| [option.to_owned(), v.clone()]));
        };
        add("--from", &c.from);
        add("--at", &c.at);
        add("--vpce", &c.vpce);
        out.extend(c.mfa.iter().map(|age| age.as_ref().map_or("--mfa".to_owned(), |a| format!("--mfa={a}"))));
        out.extend(c.https.map(|tls| if tls { "--https" } else { "--http" }.to_owned()));
        out.extend(c.context.iter().flat_map(|pair| ["-c".to_owned(), pair.clone()]));
        out.extend(c.absent.iter().flat_map(|layer| ["--absent".to_owned(), layer.clone()]));
        out.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a POSIX shell reads it back.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@+,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn read(line: &str, positional: &mut Vec<String>) -> Result<Circumstances, String> {
    let mut rest = words(line).ok_or("a quote is never closed")?.into_iter();
    let mut c = Circumstances::default();
    while let Some(word) = rest.next() {
        let (option, attached) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (word.clone(), None),
        };
        let mut value = || attached.clone().or_else(|| rest.next()).ok_or_else(|| format!("`{option}` needs a value"));
        match option.as_str() {
            "--from" => c.from = Some(value()?),
            "--at" => c.at = Some(value()?),
            "--vpce" => c.vpce = Some(value()?),
            "--absent" => c.absent.push(value()?),
            "-c" | "--context" => c.context.push(value()?),
            "--mfa" => c.mfa = Some(attached),
            "--http" if attached.is_none() => c.https = Some(false),
            "--https" if attached.is_none() => c.https = Some(true),
            other if other.starts_with('-') && other.len() > 1 => {
                return Err(format!("`{other}` is not an option of a question"));
            }
            _ => positional.push(word),
        }
    }
    Ok(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        assert_eq!(words(r"a'b'\''c' d\ e").as_deref(), Some(&["ab'c".to_owned(), "d e".to_owned()][..]));
        assert_eq!(words(&quoted("it's; rm")).as_deref(), Some(&["it's; rm".to_owned()][..]));
        let line = "role/deploy@prod s3:PutObject 's3://a/b c' --from ::1 --mfa=60 --http -c s3:x-amz-acl=private --absent scp";
        let question = Question::parse(line).expect("well formed");
        assert_eq!(question.resource, "s3://a/b c");
        assert_eq!(question.circumstances.mfa, Some(Some("60".to_owned())));
        assert_eq!(Question::parse(&question.line()), Ok(question));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for bad in ["", "alice GetObject", "a b c d", "a b c --nope", "a b c --from", "a b 'c", "a b c --https=1"] {
            assert!(Question::parse(bad).is_err(), "{bad}");
        }
        assert!(Question::parse_circumstances("--from 10.0.0.1 alice").is_err());
    }

    #[test]
    fn own_circumstances_win_over_defaults() {
        let defaults = Question::parse_circumstances("--from 10.0.0.1 --https -c a:b=1 -c a:c=2").expect("well formed");
        let own = Question::parse_circumstances("--from 10.0.0.2 -c A:B=3").expect("well formed").or(&defaults);
        assert_eq!(own.from.as_deref(), Some("10.0.0.2"));
        assert_eq!((own.https, own.context), (Some(true), vec!["A:B=3".to_owned(), "a:c=2".to_owned()]));
    }
}
