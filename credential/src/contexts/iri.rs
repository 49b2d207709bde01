//! References resolved against a base IRI (RFC 3986 §5.2, read for IRIs by RFC 3987 §6.5).

/// Resolves a reference; none when the base has no scheme.
pub(super) fn resolve(base: &str, reference: &str) -> Option<String> {
    let base = Parts::of(base);
    let scheme = base.scheme?;
    let given = Parts::of(reference);
    let mut target = String::with_capacity(base.path.len() + reference.len() + 32);
    if let Some(own) = given.scheme {
        push(&mut target, own, given.authority);
        target.push_str(&without_dots(given.path));
        return Some(finish(target, given.query, given.fragment));
    }
    if given.authority.is_some() {
        push(&mut target, scheme, given.authority);
        target.push_str(&without_dots(given.path));
        return Some(finish(target, given.query, given.fragment));
    }
    push(&mut target, scheme, base.authority);
    if given.path.is_empty() {
        target.push_str(base.path);
        return Some(finish(target, given.query.or(base.query), given.fragment));
    }
    if given.path.starts_with('/') {
        target.push_str(&without_dots(given.path));
    } else {
        target.push_str(&without_dots(&merged(&base, given.path)));
    }
    Some(finish(target, given.query, given.fragment))
}

/// Are the five components of RFC 3986 §3.
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Splits as RFC 3986 appendix B does.
    fn of(text: &'a str) -> Self {
        let (rest, fragment) = cut(text, '#');
        let (rest, query) = cut(rest, '?');
        let (scheme, rest) = match rest.split_once(':') {
            Some((scheme, after)) if !scheme.is_empty() && !scheme.contains('/') => {
                (Some(scheme), after)
            }
            _ => (None, rest),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            None => (None, rest),
            Some(after) => {
                let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
                (Some(authority), path)
            }
        };
        Self {
            scheme,
            authority,
            path,
            query,
            fragment,
        }
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn push(target: &mut String, scheme: &str, authority: Option<&str>) {
    target.push_str(scheme);
    target.push(':');
    if let Some(authority) = authority {
        target.push_str("//");
        target.push_str(authority);
    }
}

fn finish(mut target: String, query: Option<&str>, fragment: Option<&str>) -> String {
    for (mark, part) in [('?', query), ('#', fragment)] {
        if let Some(part) = part {
            target.push(mark);
            target.push_str(part);
        }
    }
    target
}

/// Puts a relative path in the place of the base path's last segment (RFC 3986 §5.2.3).
fn merged(base: &Parts<'_>, path: &str) -> String {
    if base.authority.is_some() && base.path.is_empty() {
        return format!("/{path}");
    }
    match base.path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{path}"),
        None => path.to_owned(),
    }
}

/// Takes `.` and `..` out of a path (RFC 3986 §5.2.4).
fn without_dots(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(usize::from(rooted)).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    let joined = kept.join("/");
    if rooted { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://a/b/c/d;p?q";

    #[test]
    fn resolves_the_examples_of_rfc_3986_section_5_4() {
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("g#s", "http://a/b/c/g#s"),
            ("g?y#s", "http://a/b/c/g?y#s"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("http:g", "http:g"),
        ] {
            assert_eq!(
                resolve(BASE, reference).as_deref(),
                Some(expected),
                "{reference}"
            );
        }
    }

    #[test]
    fn resolves_nothing_against_a_base_without_a_scheme() {
        assert_eq!(resolve("a/b", "c"), None);
    }
}
