//! Templates: a credential whose strings may hold placeholders.

use super::cell::{CellError, CellType};
use serde_json::{Map, Value};

/// Is a credential with placeholders for the cells of a row.
///
/// A string value may hold `{{column}}`, any number of times, among other text. A value that is nothing but a placeholder may
/// give it a type: `{{column:number}}`, `{{column:integer}}`, `{{column:boolean}}`. `{{@uuid}}` stands for a UUID of the
/// row's own and `{{@now}}` for the time of issuing. Names of members, and what a cell holds, are never read for
/// placeholders, and a cell fills a parsed value, so it cannot add members.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub(super) root: Node,
    columns: Vec<String>,
}

/// Is a value of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Without placeholders.
    Fixed(Value),
    /// A string with placeholders.
    Text(Vec<Part>),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Is a part of a string.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Literal(String),
    /// A cell by its place in [`Template::columns`].
    Cell(usize, CellType),
    Uuid,
    Now,
}

/// Holds what fills a template.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) cells: &'a [&'a str],
    pub(super) uuid: &'a str,
    pub(super) now: &'a str,
}

/// Says why a document is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A placeholder has no end.
    #[error("a placeholder at {at} is not closed with }}}}")]
    Unclosed {
        /// Where it stands.
        at: String,
    },
    /// A placeholder names no column.
    #[error("a placeholder at {at} names no column")]
    Empty {
        /// Where it stands.
        at: String,
    },
    /// A placeholder names a type that there is not.
    #[error(
        "placeholder {{{{{found}}}}} at {at} has no known type: text, number, integer, boolean"
    )]
    Type {
        /// Where it stands.
        at: String,
        /// What stands between the braces.
        found: String,
    },
    /// A placeholder names a generated value that there is not.
    #[error("placeholder {{{{{found}}}}} at {at} is neither {{{{@uuid}}}} nor {{{{@now}}}}")]
    Generated {
        /// Where it stands.
        at: String,
        /// What stands between the braces.
        found: String,
    },
    /// A placeholder of a type other than text stands among text.
    #[error("placeholder {{{{{found}}}}} at {at} must be the whole value, because it is not text")]
    Mixed {
        /// Where it stands.
        at: String,
        /// What stands between the braces.
        found: String,
    },
    /// A placeholder stands in a member's name.
    #[error("a member at {at} has a placeholder in its name {name:?}")]
    Name {
        /// The object that holds it.
        at: String,
        /// The name.
        name: String,
    },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// When a placeholder is malformed or stands where none may.
    pub fn parse(document: Map<String, Value>) -> Result<Self, TemplateError> {
        let mut reader = Reader {
            columns: Vec::new(),
            path: Vec::new(),
        };
        let root = reader.object(document)?;
        Ok(Self {
            root,
            columns: reader.columns,
        })
    }

    /// Lists the columns that the placeholders name, each once.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Fills the template.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<Value, CellError> {
        self.root.fill(&mut |parts| self.text(parts, values))
    }

    fn text(&self, parts: &[Part], values: &Values<'_>) -> Result<Value, CellError> {
        if let [Part::Cell(column, kind)] = parts {
            let cell = values.cell(*column);
            let name = self.columns.get(*column).map_or("", String::as_str);
            return kind
                .read(cell)
                .ok_or_else(|| CellError::new(name, *kind, cell));
        }
        Ok(Value::String(join(parts, values)))
    }
}

impl Node {
    /// Fills each string that has placeholders, in the order of the template.
    pub(super) fn fill<E>(
        &self,
        text: &mut impl FnMut(&[Part]) -> Result<Value, E>,
    ) -> Result<Value, E> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(parts) => text(parts)?,
            Self::Array(items) => {
                let items = items.iter().map(|item| item.fill(text));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let mut object = Map::new();
                for (name, member) in members {
                    object.insert(name.clone(), member.fill(text)?);
                }
                Value::Object(object)
            }
        })
    }
}

impl<'a> Values<'a> {
    pub(super) fn cell(&self, column: usize) -> &'a str {
        self.cells.get(column).copied().unwrap_or_default()
    }

    /// Gives what a part stands for, as text.
    pub(super) fn of<'p>(&'p self, part: &'p Part) -> &'p str {
        match part {
            Part::Literal(text) => text,
            Part::Cell(column, _) => self.cell(*column),
            Part::Uuid => self.uuid,
            Part::Now => self.now,
        }
    }
}

pub(super) fn join(parts: &[Part], values: &Values<'_>) -> String {
    let texts = || parts.iter().map(|part| values.of(part));
    let mut joined = String::with_capacity(texts().map(str::len).sum());
    joined.extend(texts());
    joined
}

struct Reader {
    columns: Vec<String>,
    path: Vec<String>,
}

impl Reader {
    fn object(&mut self, document: Map<String, Value>) -> Result<Node, TemplateError> {
        let mut members = Vec::with_capacity(document.len());
        for (name, value) in document {
            if name.contains("{{") {
                return Err(TemplateError::Name {
                    at: self.at(),
                    name,
                });
            }
            self.path.push(name.clone());
            let node = self.node(value)?;
            self.path.pop();
            members.push((name, node));
        }
        Ok(Node::Object(members))
    }

    fn node(&mut self, value: Value) -> Result<Node, TemplateError> {
        Ok(match value {
            Value::String(text) if text.contains("{{") => Node::Text(self.parts(&text)?),
            Value::Array(items) => {
                let items = items.into_iter().map(|item| self.node(item));
                Node::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(object) => self.object(object)?,
            fixed => Node::Fixed(fixed),
        })
    }

    fn parts(&mut self, text: &str) -> Result<Vec<Part>, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("{{") {
            let Some((inner, after)) = from.split_once("}}") else {
                return Err(TemplateError::Unclosed { at: self.at() });
            };
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            let part = self.placeholder(inner)?;
            let is_alone = before.is_empty() && after.is_empty() && parts.is_empty();
            if let Part::Cell(_, kind) = part
                && kind != CellType::Text
                && !is_alone
            {
                return Err(TemplateError::Mixed {
                    at: self.at(),
                    found: inner.to_owned(),
                });
            }
            parts.push(part);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(parts)
    }

    fn placeholder(&mut self, inner: &str) -> Result<Part, TemplateError> {
        let (at, found) = (self.at(), inner.to_owned());
        let (name, kind) = match inner.rsplit_once(':') {
            Some((name, kind)) => (name, CellType::parse(kind.trim())),
            None => (inner, Some(CellType::Text)),
        };
        let kind = kind.ok_or_else(|| TemplateError::Type {
            at: at.clone(),
            found: found.clone(),
        })?;
        match name.trim() {
            "" => Err(TemplateError::Empty { at }),
            "@uuid" if kind == CellType::Text => Ok(Part::Uuid),
            "@now" if kind == CellType::Text => Ok(Part::Now),
            generated if generated.starts_with('@') => Err(TemplateError::Generated { at, found }),
            name => {
                let known = self.columns.iter().position(|column| column == name);
                let column = known.unwrap_or_else(|| {
                    self.columns.push(name.to_owned());
                    self.columns.len() - 1
                });
                Ok(Part::Cell(column, kind))
            }
        }
    }

    fn at(&self) -> String {
        if self.path.is_empty() {
            "the top".to_owned()
        } else {
            self.path.join(".")
        }
    }
}
