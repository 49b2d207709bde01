//! The layer rules of the workspace, checked over `cargo metadata`.
//!
//! Pure crates hold rules and do no I/O, so none may reach an I/O crate at any depth; and a crate of ours uses only those of ours that
//! the table in `docs/src/architecture.md` allows.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The crates that take time and randomness as arguments and do no I/O.
pub const PURE: &[&str] = &[
    "chop-keys",
    "chop-integrity",
    "chop-did",
    "chop-credential",
    "chop-schemas",
    "chop-openid4vc",
    "chop-proof",
    "chop-protocol",
    "chop-ledger",
];

/// The crates that a pure crate reaches at no depth.
pub const IO: &[&str] = &["tokio", "axum", "sqlx", "reqwest", "hyper", "mio"];

/// What each crate of ours may use of ours; what those may use follows.
const TABLE: &[(&str, &[&str])] = &[
    ("chop-keys", &[]),
    ("chop-schemas", &[]),
    ("chop-http", &[]),
    ("chop-keystore", &["chop-keys"]),
    ("chop-integrity", &["chop-keys"]),
    ("chop-proof", &["chop-keys"]),
    ("chop-did", &["chop-keys", "chop-integrity"]),
    (
        "chop-credential",
        &["chop-keys", "chop-integrity", "chop-schemas"],
    ),
    ("chop-openid4vc", &["chop-keys", "chop-credential"]),
    ("chop-protocol", &["chop-did", "chop-proof"]),
    ("chop-ledger", &["chop-protocol", "chop-credential"]),
    ("chop-client", &["chop-protocol", "chop-http"]),
    (
        "chop-node",
        &[
            "chop-ledger",
            "chop-client",
            "chop-keystore",
            "chop-http",
            "chop-schemas",
        ],
    ),
    ("chop-issuer", SERVICE),
    ("chop-verifier", SERVICE),
    ("chop-wallet", SERVICE),
    (
        "chopmark",
        &["chop-node", "chop-issuer", "chop-verifier", "chop-wallet"],
    ),
    (
        "chop-conformance",
        &[
            "chopmark",
            "chop-node",
            "chop-issuer",
            "chop-verifier",
            "chop-wallet",
        ],
    ),
];

/// What a service may use: everything but the ledger's inside, and no other service.
const SERVICE: &[&str] = &[
    "chop-openid4vc",
    "chop-keystore",
    "chop-client",
    "chop-credential",
];

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A pure crate reaches an I/O crate; `path` lists the crates from the one to the other.
    Impure {
        /// From the pure crate to the I/O crate.
        path: Vec<String>,
    },
    /// A crate depends on one of ours that the table does not allow.
    Layer {
        /// The crate that depends.
        from: String,
        /// The crate that it may not use.
        to: String,
    },
    /// A crate of the workspace has no row in the table.
    Unlisted {
        /// The crate without a row.
        name: String,
    },
}

/// The part of `cargo metadata --format-version 1` that the rules read.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Dependency {
    fn is_normal(&self) -> bool {
        self.dep_kinds.iter().any(|k| k.kind.is_none())
    }

    /// Tells that the dependency is part of what is built, and not only of tests.
    fn is_built(&self) -> bool {
        self.dep_kinds
            .iter()
            .any(|k| k.kind.as_deref() != Some("dev"))
    }
}

/// Lists every broken rule; an empty list is a sound workspace.
///
/// Features are resolved for the whole workspace at once, as `cargo build --workspace` does.
#[must_use]
pub fn violations(metadata: &Metadata) -> Vec<Violation> {
    let graph = Graph::new(metadata);
    let mut found = Vec::new();
    for member in &metadata.workspace_members {
        let Some(&name) = graph.names.get(member.as_str()) else {
            continue;
        };
        if PURE.contains(&name) {
            found.extend(
                graph
                    .io_paths(member)
                    .into_iter()
                    .map(|path| Violation::Impure { path }),
            );
        }
        let Some(allowed) = allowed(name) else {
            found.push(Violation::Unlisted {
                name: name.to_owned(),
            });
            continue;
        };
        let used = graph.dependencies(member).filter(|d| d.is_built());
        let ours = used
            .filter(|d| metadata.workspace_members.contains(&d.pkg))
            .filter_map(|d| graph.names.get(d.pkg.as_str()));
        let stray = ours.filter(|to| !allowed.contains(**to));
        found.extend(stray.map(|to| Violation::Layer {
            from: name.to_owned(),
            to: (*to).to_owned(),
        }));
    }
    found
}

/// Returns the crates of ours that a crate may use, or `None` when the table has no row for it.
fn allowed(name: &str) -> Option<BTreeSet<&'static str>> {
    let direct = |name: &str| {
        TABLE
            .iter()
            .find(|(from, _)| *from == name)
            .map(|(_, to)| *to)
    };
    let mut open: VecDeque<&str> = direct(name)?.iter().copied().collect();
    let mut all = BTreeSet::new();
    while let Some(next) = open.pop_front() {
        if all.insert(next) {
            open.extend(direct(next).unwrap_or_default());
        }
    }
    Some(all)
}

struct Graph<'a> {
    names: BTreeMap<&'a str, &'a str>,
    nodes: BTreeMap<&'a str, &'a Node>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        Self {
            names: metadata
                .packages
                .iter()
                .map(|p| (p.id.as_str(), p.name.as_str()))
                .collect(),
            nodes: metadata
                .resolve
                .nodes
                .iter()
                .map(|n| (n.id.as_str(), n))
                .collect(),
        }
    }

    fn dependencies(&self, id: &str) -> impl Iterator<Item = &'a Dependency> {
        self.nodes.get(id).into_iter().flat_map(|node| &node.deps)
    }

    /// Returns the shortest way over normal dependencies to each I/O crate that the package reaches.
    fn io_paths(&self, start: &'a str) -> Vec<Vec<String>> {
        let mut came_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(start, None)]);
        let mut open = VecDeque::from([start]);
        let mut paths = Vec::new();
        while let Some(id) = open.pop_front() {
            if self.names.get(id).is_some_and(|name| IO.contains(name)) {
                paths.push(self.way(&came_from, id));
            }
            for dependency in self.dependencies(id).filter(|d| d.is_normal()) {
                if !came_from.contains_key(dependency.pkg.as_str()) {
                    came_from.insert(&dependency.pkg, Some(id));
                    open.push_back(&dependency.pkg);
                }
            }
        }
        paths
    }

    fn way(&self, came_from: &BTreeMap<&str, Option<&str>>, end: &str) -> Vec<String> {
        let mut path = vec![self.name(end)];
        let mut at = end;
        while let Some(Some(previous)) = came_from.get(at) {
            path.push(self.name(previous));
            at = previous;
        }
        path.reverse();
        path
    }

    fn name(&self, id: &str) -> String {
        self.names
            .get(id)
            .map_or_else(|| id.to_owned(), |name| (*name).to_owned())
    }
}
