//! Reading structured files with a place for every mistake: unknown fields are errors, never ignored.

use crate::words::codes::Code;
use crate::words::json::{Kind, Member, Node};
use crate::words::problem::{Problem, Problems, Severity, Source, Span};

/// What went wrong so far, over one file.
#[derive(Debug)]
pub struct Findings {
    /// The file.
    pub source: Source,
    /// The code for a wrong shape in this kind of file.
    pub shape: Code,
    /// What was found.
    pub list: Vec<Problem>,
    /// What was found in other texts that this one refers to or holds.
    pub elsewhere: Vec<Problems>,
}

impl Findings {
    /// Nothing yet.
    #[must_use]
    pub fn new(source: Source, shape: Code) -> Self {
        Self { source, shape, list: Vec::new(), elsewhere: Vec::new() }
    }

    /// Reports a wrong shape.
    pub fn shape(&mut self, span: Span, message: impl Into<String>) {
        self.list.push(Problem::error(self.shape, span, message));
    }

    /// Reports an error.
    pub fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.list.push(Problem::error(code, span, message));
    }

    /// Takes over the problems of a part of the same file.
    pub fn extend(&mut self, problems: Vec<Problem>) {
        self.list.extend(problems);
    }

    /// The problems, where there is an error among them.
    ///
    /// # Errors
    /// All problems, in the order of the text.
    pub fn finish(mut self) -> Result<Vec<Problem>, Problems> {
        self.list.sort_by_key(|p| p.span);
        if self.list.iter().any(|p| p.severity == Severity::Error) {
            return Err(Problems { source: self.source, list: self.list });
        }
        Ok(self.list)
    }

    /// The fields of an object; anything else is reported and read as an object without fields.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str) -> Fields<'n> {
        let members = node.members().unwrap_or_else(|| {
            self.shape(node.span, format!("{what} must be an object, not {}", node.kind_name()));
            &[]
        });
        Fields { members, taken: vec![false; members.len()], span: node.span }
    }

    /// The text of a string.
    pub fn string(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = node.as_str(&self.source.text).map(str::to_owned);
        if text.is_none() {
            self.shape(node.span, format!("{what} must be a string, not {}", node.kind_name()));
        }
        text
    }

    /// The spelling of a string, number or boolean.
    pub fn scalar(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = node.scalar_text(&self.source.text).map(str::to_owned);
        if text.is_none() {
            self.shape(node.span, format!("{what} must be a string, number or boolean, not {}", node.kind_name()));
        }
        text
    }

    /// A boolean.
    pub fn bool(&mut self, node: &Node, what: &str) -> Option<bool> {
        match node.kind {
            Kind::Bool(value) => Some(value),
            _ => {
                self.shape(node.span, format!("{what} must be true or false, not {}", node.kind_name()));
                None
            }
        }
    }

    /// The items of an array.
    pub fn items<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        node.items().unwrap_or_else(|| {
            self.shape(node.span, format!("{what} must be a list, not {}", node.kind_name()));
            &[]
        })
    }

    /// A string or a list of strings.
    pub fn strings(&mut self, node: &Node, what: &str) -> Vec<String> {
        node.one_or_many().iter().filter_map(|n| self.string(n, what)).collect()
    }

    /// An object whose values are scalars: tags, encryption contexts.
    pub fn pairs(&mut self, node: &Node, what: &str) -> Vec<(String, String)> {
        let source = self.source.text.clone();
        let fields = self.fields(node, what);
        let members = fields.members.iter();
        members.filter_map(|m| Some((m.name.as_str(&source)?.to_owned(), self.scalar(&m.value, what)?))).collect()
    }
}

/// The fields of one object; every field has to be taken before [`Fields::finish`].
#[derive(Debug)]
pub struct Fields<'n> {
    members: &'n [Member],
    taken: Vec<bool>,
    /// The object's place.
    pub span: Span,
}

impl<'n> Fields<'n> {
    /// The field's value; `null` counts as absent.
    pub fn take(&mut self, findings: &Findings, name: &str) -> Option<&'n Node> {
        let at = self.members.iter().position(|m| m.name.as_str(&findings.source.text) == Some(name))?;
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = true;
        }
        self.members.get(at).map(|m| &m.value).filter(|v| v.kind != Kind::Null)
    }

    /// The field's value, which must be there.
    pub fn need(&mut self, findings: &mut Findings, name: &str) -> Option<&'n Node> {
        let found = self.take(findings, name);
        if found.is_none() {
            let span = Span { end: self.span.start + 1, ..self.span };
            findings.shape(span, format!("the field `{name}` is missing"));
        }
        found
    }

    /// The string of a field.
    pub fn string(&mut self, findings: &mut Findings, name: &str) -> Option<String> {
        let node = self.take(findings, name)?;
        findings.string(node, &format!("`{name}`"))
    }

    /// The text of a field that is a string or a number, such as an account id in YAML.
    pub fn scalar(&mut self, findings: &mut Findings, name: &str) -> Option<String> {
        let node = self.take(findings, name)?;
        findings.scalar(node, &format!("`{name}`"))
    }

    /// The boolean of a field.
    pub fn bool(&mut self, findings: &mut Findings, name: &str) -> Option<bool> {
        let node = self.take(findings, name)?;
        findings.bool(node, &format!("`{name}`"))
    }

    /// The items of a field that is a list; none where it is absent.
    pub fn items(&mut self, findings: &mut Findings, name: &str) -> &'n [Node] {
        match self.take(findings, name) {
            Some(node) => findings.items(node, &format!("`{name}`")),
            None => &[],
        }
    }

    /// Takes fields that carry information for people only.
    pub fn ignore(&mut self, findings: &Findings, names: &[&str]) {
        for name in names {
            self.take(findings, name);
        }
    }

    /// Takes and returns every field that is left, by name.
    pub fn rest(&mut self, findings: &Findings) -> Vec<(String, &'n Node)> {
        let mut rest = Vec::new();
        for (member, taken) in self.members.iter().zip(&mut self.taken).filter(|(_, taken)| !**taken) {
            *taken = true;
            rest.push((member.name.as_str(&findings.source.text).unwrap_or_default().to_owned(), &member.value));
        }
        rest
    }

    /// Reports every field that was not taken.
    pub fn finish(self, findings: &mut Findings, what: &str) {
        for (member, _) in self.members.iter().zip(&self.taken).filter(|(_, taken)| !**taken) {
            let name = member.name.as_str(&findings.source.text).unwrap_or_default().to_owned();
            findings.shape(member.name.span, format!("{what} has no field `{name}`"));
        }
    }
}
