//! Turns the bytes of a fuzzer into changes of a well-formed value, so that they get past the outermost parser.

use serde_json::{Map, Value, json};

/// Most changes that one input makes.
const MAX_CHANGES: usize = 8;

/// Returns the JSON that the input stands for: itself when it looks like JSON, else the template with the changes that
/// the bytes after the first spell. One byte alone is the template as it is.
pub(crate) fn bytes(template: &Value, input: &[u8]) -> Vec<u8> {
    match input.split_first() {
        None | Some((b'{' | b'[' | b'"' | b' ' | b'\n', _)) => input.to_vec(),
        Some((_, changes)) => value(template, changes).to_string().into_bytes(),
    }
}

/// Returns the template with the changes that the input spells.
fn value(template: &Value, input: &[u8]) -> Value {
    let mut changed = template.clone();
    let mut input = Input(input);
    for _ in 0..MAX_CHANGES {
        if input.0.is_empty() {
            break;
        }
        change(&mut changed, &mut input);
    }
    changed
}

/// Walks down from the root, one byte for each step, and changes the node where the walk ends.
fn change(node: &mut Value, input: &mut Input<'_>) {
    let step = input.byte();
    match node {
        Value::Object(members) if !members.is_empty() && !step.is_multiple_of(4) => {
            let key = nth(members.keys(), step).cloned().unwrap_or_default();
            match step % 16 {
                13 => drop(members.remove(&key)),
                14 => rename(members, &key, input),
                15 => drop(members.insert(input.text(), input.leaf())),
                _ => {
                    if let Some(child) = members.get_mut(&key) {
                        change(child, input);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() && !step.is_multiple_of(4) => {
            let index = usize::from(step) % items.len();
            match step % 16 {
                13 => drop(items.remove(index)),
                14 => items.extend(items.get(index).cloned()),
                15 => items.push(input.leaf()),
                _ => {
                    if let Some(child) = items.get_mut(index) {
                        change(child, input);
                    }
                }
            }
        }
        Value::String(text) if !step.is_multiple_of(2) => edit(text, input),
        _ => *node = input.leaf(),
    }
}

fn rename(members: &mut Map<String, Value>, key: &str, input: &mut Input<'_>) {
    if let Some(value) = members.remove(key) {
        members.insert(input.text(), value);
    }
}

/// Replaces one character, or cuts the text, or repeats it.
fn edit(text: &mut String, input: &mut Input<'_>) {
    let place = usize::from(input.byte());
    let mut characters: Vec<char> = text.chars().collect();
    if characters.is_empty() {
        *text = input.text();
        return;
    }
    let place = place % characters.len();
    match input.byte() {
        0 => characters.truncate(place),
        1 => characters.extend_from_within(place..),
        byte => {
            if let Some(character) = characters.get_mut(place) {
                *character = char::from(byte);
            }
        }
    }
    *text = characters.into_iter().collect();
}

fn nth<T>(mut items: impl ExactSizeIterator<Item = T>, step: u8) -> Option<T> {
    let length = items.len().max(1);
    items.nth(usize::from(step / 16) % length)
}

/// The rest of the fuzzer's bytes; reads zeros once they are used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    fn text(&mut self) -> String {
        let length = usize::from(self.byte() % 16).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    /// Returns a value that parsers stumble over.
    fn leaf(&mut self) -> Value {
        match self.byte() % 16 {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(0),
            3 => json!(-1),
            4 => json!(9_007_199_254_740_991_i64),
            5 => json!(9_007_199_254_740_992_i64),
            6 => json!(u64::MAX),
            7 => json!(0.5),
            8 => json!(""),
            9 => json!([]),
            10 => json!({}),
            11 => json!([[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]),
            12 => json!("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"),
            13 => json!("2026-11-21T09:00:00.000Z"),
            14 => json!("a".repeat(9_000)),
            _ => json!(self.text()),
        }
    }
}
