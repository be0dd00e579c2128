//! Keys to sign with, as AWS's programs share them: the environment, or a file with profiles.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Who signs.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA…` or `ASIA…`.
    pub access_key_id: String,
    /// Its secret.
    pub secret: zeroize::Zeroizing<String>,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Those of a profile of this file; without a file those of the environment.
    ///
    /// # Errors
    /// A sentence about what is missing; it names variables, lines and settings, never values.
    pub fn read(file: Option<&Path>, profile: &str) -> Result<Self, String> {
        match file {
            Some(file) => of_file(file, profile),
            None => of_environment(|name| std::env::var(name).ok()),
        }
    }
}

fn of_environment(get: impl Fn(&str) -> Option<String>) -> Result<Credentials, String> {
    const HINT: &str = "\nhint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file with --credentials";
    let given = |name: &str| get(name).filter(|value| !value.is_empty());
    let wanted = |name: &str| given(name).ok_or_else(|| format!("no key to sign with: {name} is not set{HINT}"));
    Ok(Credentials {
        access_key_id: wanted("AWS_ACCESS_KEY_ID")?,
        secret: wanted("AWS_SECRET_ACCESS_KEY")?.into(),
        session_token: given("AWS_SESSION_TOKEN"),
    })
}

fn of_file(file: &Path, profile: &str) -> Result<Credentials, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
    profile_of(&zeroize::Zeroizing::new(text), profile).map_err(|e| format!("{name}: {e}"))
}

/// Source: AWS SDKs and Tools Reference Guide, "Using shared config and credentials files". Messages name lines
/// and settings, never values.
fn profile_of(text: &str, profile: &str) -> Result<Credentials, String> {
    let mut sections: Vec<&str> = Vec::new();
    let mut settings: BTreeMap<&str, &str> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let section = rest.strip_suffix(']').ok_or_else(|| format!("line {number}: `]` is missing"))?.trim();
            if sections.contains(&section) {
                return Err(format!("line {number}: the profile `{section}` stands twice"));
            }
            sections.push(section);
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| format!("line {number}: wanted NAME = VALUE"))?;
        let section = sections.last().ok_or_else(|| format!("line {number}: a setting before any [profile]"))?;
        if *section == profile && settings.insert(key.trim(), value.trim()).is_some() {
            return Err(format!("line {number}: `{}` stands twice", key.trim()));
        }
    }
    if !sections.contains(&profile) {
        let known = if sections.is_empty() { "none".to_owned() } else { sections.join(", ") };
        return Err(format!("there is no profile `{profile}`; there are: {known}"));
    }
    let given = |name: &str| settings.get(name).filter(|value| !value.is_empty()).map(|value| (*value).to_owned());
    let wanted = |name: &str| given(name).ok_or_else(|| format!("the profile `{profile}` has no {name}"));
    Ok(Credentials {
        access_key_id: wanted("aws_access_key_id")?,
        secret: wanted("aws_secret_access_key")?.into(),
        session_token: given("aws_session_token"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# comment\n[default]\naws_access_key_id = AKIA1\naws_secret_access_key=s+/=1\n\n; more\n[ other ]\naws_access_key_id=ASIA2\naws_secret_access_key = s2\naws_session_token = t==\nregion = x\n";

    fn shown(result: Result<Credentials, String>) -> Result<(String, String, Option<String>), String> {
        result.map(|c| (c.access_key_id, c.secret.to_string(), c.session_token))
    }

    #[test]
    fn profiles() {
        let first = shown(profile_of(FILE, "default"));
        assert_eq!(first, Ok(("AKIA1".to_owned(), "s+/=1".to_owned(), None)));
        let other = shown(profile_of(FILE, "other"));
        assert_eq!(other, Ok(("ASIA2".to_owned(), "s2".to_owned(), Some("t==".to_owned()))));
    }

    #[test]
    fn malformed_files_name_the_line_and_no_secret() {
        for (text, profile, want) in [
            (FILE, "third", "there is no profile `third`; there are: default, other"),
            ("", "default", "there is no profile `default`; there are: none"),
            ("a=b", "default", "line 1: a setting before any [profile]"),
            ("[default\n", "default", "line 1: `]` is missing"),
            ("[default]\nsecret", "default", "line 2: wanted NAME = VALUE"),
            ("[default]\n[default]\n", "default", "line 2: the profile `default` stands twice"),
            ("[default]\na=1\na=2", "default", "line 3: `a` stands twice"),
            ("[default]\naws_access_key_id=A", "default", "the profile `default` has no aws_secret_access_key"),
            ("[default]\naws_access_key_id=", "default", "the profile `default` has no aws_access_key_id"),
        ] {
            assert_eq!(shown(profile_of(text, profile)), Err(want.to_owned()));
        }
    }

    #[test]
    fn the_environment() {
        let environment = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIA1".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("s".to_owned()),
            _ => Some(String::new()),
        };
        assert_eq!(shown(of_environment(environment)), Ok(("AKIA1".to_owned(), "s".to_owned(), None)));
        let error = shown(of_environment(|_| None)).expect_err("no keys");
        assert!(error.starts_with("no key to sign with: AWS_ACCESS_KEY_ID is not set\nhint: "), "{error}");
    }
}
