//! How much work a schema may make: what would recur without end, or more than once at the same place, is refused.
//!
//! A schema is a graph: its subschemas, and what they apply, in place (`allOf`, `$ref`, …) or to a part of the value
//! (`properties`, `items`, …). Walking a value of bounded depth ends and stays linear if no cycle applies two of its edges to
//! the same part of a value, none at all in place, and the rest of the graph unfolds to a bounded number of subschemas.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// The most subschemas that one schema unfolds to, those of a cycle counted once.
const MAX_UNFOLDED: u64 = 20_000;

/// To which part of a value a subschema is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// To the value itself.
    Itself,
    /// To the member of this name.
    Member(&'a str),
    /// To members that other keywords may apply to as well.
    AnyMember,
    /// To items of an array.
    Items,
}

/// Is a schema as a graph: node 0 is the schema itself.
struct Graph<'a> {
    edges: Vec<Vec<(Part<'a>, usize)>>,
}

/// Checks that applying a schema to any value of bounded depth takes bounded work.
///
/// # Errors
/// What is wrong, when it may not, or when it refers to something that is not in the schema.
pub(super) fn check(schema: &Value) -> Result<(), &'static str> {
    let graph = Graph::of(schema)?;
    let in_place = graph.only_in_place();
    let (_, component) = in_place.components();
    for (node, edges) in in_place.edges.iter().enumerate() {
        let own = component.get(node);
        if edges
            .iter()
            .any(|(_, target)| component.get(*target) == own)
        {
            return Err("it refers back to itself without going deeper into the value");
        }
    }
    let (order, component) = graph.components();
    let mut cost = vec![0_u64; graph.edges.len()];
    // Whatever a node leads to outside its own component comes before it in the order.
    for node in order {
        let own = component.get(node);
        let mut parts: BTreeMap<Part<'_>, u32> = BTreeMap::new();
        let mut total = 1_u64;
        for (part, target) in graph.edges.get(node).into_iter().flatten() {
            if component.get(*target) == own {
                *parts.entry(*part).or_default() += 1;
            } else {
                total = total.saturating_add(cost.get(*target).copied().unwrap_or(0));
            }
        }
        if meets_twice(&parts) {
            return Err("it refers back to itself twice for the same part of a value");
        }
        if total > MAX_UNFOLDED {
            return Err("it unfolds to too many subschemas");
        }
        if let Some(place) = cost.get_mut(node) {
            *place = total;
        }
    }
    Ok(())
}

/// Says whether the ways by which a subschema leads back to itself may meet at one part of a value.
fn meets_twice(parts: &BTreeMap<Part<'_>, u32>) -> bool {
    let everywhere = parts.contains_key(&Part::Itself) || parts.contains_key(&Part::AnyMember);
    let in_members = parts
        .keys()
        .filter(|part| !matches!(part, Part::Items))
        .count();
    let alone = !parts.contains_key(&Part::Itself) || parts.len() == 1;
    parts.values().any(|count| *count > 1) || (everywhere && in_members > 1) || !alone
}

impl<'a> Graph<'a> {
    fn of(schema: &'a Value) -> Result<Self, &'static str> {
        let own_id = schema
            .get("$id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let mut nodes: Vec<&'a Value> = vec![schema];
        let mut index: HashMap<*const Value, usize> =
            HashMap::from([(std::ptr::from_ref(schema), 0)]);
        let mut edges = Vec::new();
        let anchors = anchors(schema);
        let mut next = 0;
        while let Some(node) = nodes.get(next).copied() {
            let mut own = Vec::new();
            for (part, target) in applied(node, schema, own_id, &anchors)? {
                let place = *index.entry(std::ptr::from_ref(target)).or_insert_with(|| {
                    nodes.push(target);
                    nodes.len() - 1
                });
                own.push((part, place));
            }
            edges.push(own);
            next += 1;
        }
        Ok(Self { edges })
    }

    /// The same nodes with the edges that stay at the same part of a value.
    fn only_in_place(&self) -> Self {
        let in_place = |edges: &Vec<(Part<'a>, usize)>| {
            let stays = edges.iter().filter(|(part, _)| *part == Part::Itself);
            stays.copied().collect()
        };
        Self {
            edges: self.edges.iter().map(in_place).collect(),
        }
    }

    /// Lists the nodes so that each comes after whatever it leads to, save within a cycle, and says which cycle each is in
    /// (Kosaraju's algorithm, without recursion).
    fn components(&self) -> (Vec<usize>, Vec<usize>) {
        let count = self.edges.len();
        let mut finished = Vec::with_capacity(count);
        let mut seen = vec![false; count];
        for root in 0..count {
            let mut stack = vec![(root, 0)];
            while let Some((node, edge)) = stack.pop() {
                if edge == 0 && std::mem::replace(seen.get_mut(node).unwrap_or(&mut true), true) {
                    continue;
                }
                match self.edges.get(node).and_then(|edges| edges.get(edge)) {
                    Some((_, target)) => {
                        stack.push((node, edge + 1));
                        if !seen.get(*target).copied().unwrap_or(true) {
                            stack.push((*target, 0));
                        }
                    }
                    None => finished.push(node),
                }
            }
        }
        let mut back: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (node, edges) in self.edges.iter().enumerate() {
            for (_, target) in edges {
                if let Some(sources) = back.get_mut(*target) {
                    sources.push(node);
                }
            }
        }
        let mut component = vec![usize::MAX; count];
        for root in finished.iter().rev().copied() {
            let mut stack = vec![root];
            while let Some(node) = stack.pop() {
                match component.get_mut(node) {
                    Some(place) if *place == usize::MAX => *place = root,
                    _ => continue,
                }
                stack.extend(back.get(node).into_iter().flatten().copied());
            }
        }
        (finished, component)
    }
}

/// Lists what a subschema applies, and to which part.
fn applied<'a>(
    node: &'a Value,
    root: &'a Value,
    own_id: &str,
    anchors: &BTreeMap<&'a str, &'a Value>,
) -> Result<Vec<(Part<'a>, &'a Value)>, &'static str> {
    let Value::Object(members) = node else {
        return Ok(Vec::new());
    };
    if members.contains_key("$id") && !std::ptr::eq(node, root) && refers(members) {
        return Err("a schema within it has references of its own");
    }
    let mut found = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            "$ref" | "$dynamicRef" => {
                let target = value
                    .as_str()
                    .and_then(|reference| resolve(reference, root, own_id, anchors));
                let target = target.ok_or("it refers to something that is not in it")?;
                found.push((Part::Itself, target));
            }
            "$recursiveRef" => return Err("it uses a keyword of another dialect"),
            "not" | "if" | "then" | "else" => found.push((Part::Itself, value)),
            "allOf" | "anyOf" | "oneOf" | "dependentSchemas" => {
                each(value, Part::Itself, &mut found);
            }
            "properties" => {
                for (member, schema) in value.as_object().into_iter().flatten() {
                    found.push((Part::Member(member), schema));
                }
            }
            "patternProperties" => each(value, Part::AnyMember, &mut found),
            "additionalProperties" | "propertyNames" | "unevaluatedProperties" => {
                found.push((Part::AnyMember, value));
            }
            "items" | "contains" | "unevaluatedItems" => found.push((Part::Items, value)),
            "prefixItems" => each(value, Part::Items, &mut found),
            _ => {}
        }
    }
    Ok(found)
}

fn each<'a>(value: &'a Value, part: Part<'a>, found: &mut Vec<(Part<'a>, &'a Value)>) {
    match value {
        Value::Array(schemas) => found.extend(schemas.iter().map(|schema| (part, schema))),
        Value::Object(schemas) => found.extend(schemas.values().map(|schema| (part, schema))),
        _ => {}
    }
}

fn refers(members: &Map<String, Value>) -> bool {
    let mut rest: Vec<&Map<String, Value>> = vec![members];
    while let Some(members) = rest.pop() {
        if members.contains_key("$ref") || members.contains_key("$dynamicRef") {
            return true;
        }
        for value in members.values() {
            match value {
                Value::Object(inner) => rest.push(inner),
                Value::Array(items) => rest.extend(items.iter().filter_map(Value::as_object)),
                _ => {}
            }
        }
    }
    false
}

/// Finds what a reference means within the schema.
fn resolve<'a>(
    reference: &str,
    root: &'a Value,
    own_id: &str,
    anchors: &BTreeMap<&'a str, &'a Value>,
) -> Option<&'a Value> {
    let own_id = own_id.trim_end_matches('#');
    let fragment = match reference.split_once('#') {
        Some((base, fragment)) if base.is_empty() || base == own_id => fragment,
        None if reference == own_id => "",
        _ => return None,
    };
    if fragment.is_empty() || fragment.starts_with('/') {
        // Names that need escapes are rare; one that is not found as it stands is refused.
        root.pointer(fragment)
    } else {
        anchors.get(fragment).copied()
    }
}

/// Collects the anchors of a schema, wherever they stand.
fn anchors(schema: &Value) -> BTreeMap<&str, &Value> {
    let mut anchors = BTreeMap::new();
    let mut rest = vec![schema];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => {
                for name in ["$anchor", "$dynamicAnchor"] {
                    if let Some(anchor) = members.get(name).and_then(Value::as_str) {
                        anchors.entry(anchor).or_insert(value);
                    }
                }
                rest.extend(members.values());
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    anchors
}
