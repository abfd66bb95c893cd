//! The route table, beside the rule in its plainest words.
//!
//! Input: routes, one a line (`GET /users/{id}`) · method · path · query.

use std::time::Duration;

use less_project::{Api, Found, Handler, HandlerPath, Language, Route, Routes, Segment, Verb, parse_query};

use crate::input::texts;

pub(crate) fn run(data: &[u8]) {
    let [routes, method, path, query] = texts(data);
    let routes: Vec<Route> = routes.lines().filter_map(route).collect();
    let table = Routes::new(&api(routes.clone()));
    let found = match table.find(&method, &path) {
        Found::Route { index, params, route } => {
            assert_eq!(route, &routes[index]);
            Answer::Route(index, params)
        }
        Found::WrongVerb { allow } => Answer::WrongVerb(allow),
        Found::None => Answer::None,
    };
    assert_eq!(found, by_the_rule(&routes, &method, &path), "{method} {path}");
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    let pairs: Vec<(String, String)> = pieces
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
        .map(|(name, value)| (form(name), form(value)))
        .collect();
    assert_eq!(parse_query(&query), pairs);
}

pub(crate) fn api(routes: Vec<Route>) -> Api {
    Api { name: "shop".into(), routes, timeout: Duration::from_secs(30), cors_origins: None }
}

/// As discovery finds them: names of letters, digits, `-` and `_`.
pub(crate) fn route(line: &str) -> Option<Route> {
    let (verb, path) = line.split_once(" /")?;
    let verb = Verb::ALL.into_iter().find(|known| known.as_str() == verb)?;
    let segment = |segment: &str| {
        let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let name = inner.unwrap_or(segment);
        let named = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        named.then(|| if inner.is_some() { Segment::Param(name.into()) } else { Segment::Fixed(name.into()) })
    };
    let segments: Vec<Segment> = path.split('/').filter(|part| !part.is_empty()).map(segment).collect::<Option<_>>()?;
    let path = HandlerPath::from_user(&format!("apis/shop/{}", verb.file_stem())).expect("a handler's path");
    Some(Route { verb, segments, handler: Handler { path, file: String::new(), language: Language::JavaScript } })
}

#[derive(Debug, PartialEq)]
enum Answer {
    Route(usize, Vec<(String, String)>),
    WrongVerb(Vec<&'static str>),
    None,
}

/// Of all routes that match, the one whose first difference from every other is a fixed segment.
fn by_the_rule(routes: &[Route], method: &str, path: &str) -> Answer {
    let path = path.strip_prefix('/').unwrap_or(path);
    let without_slash = path.strip_suffix('/').unwrap_or(path);
    let parts: Vec<&str> = if path.is_empty() { Vec::new() } else { without_slash.split('/').collect() };
    let fits = |route: &Route| {
        route.segments.len() == parts.len()
            && route.segments.iter().zip(&parts).all(|(segment, part)| match (segment, decoded(part)) {
                (_, None) => false,
                (Segment::Fixed(name), Some(part)) => *name == part,
                (Segment::Param(_), Some(part)) => !part.is_empty(),
            })
    };
    let fitting: Vec<usize> = (0..routes.len()).filter(|index| fits(&routes[*index])).collect();
    let has = |method: &str| fitting.iter().any(|index| routes[*index].verb.as_str() == method);
    let wanted = if method == "HEAD" { "GET" } else { method };
    let is_param = |segment: &Segment| matches!(segment, Segment::Param(_));
    let mine = fitting.iter().filter(|index| routes[**index].verb.as_str() == wanted);
    let Some(best) = mine.min_by_key(|index| routes[**index].segments.iter().map(is_param).collect::<Vec<_>>()) else {
        let all = [("GET", "GET"), ("HEAD", "GET"), ("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH")];
        let all = all.into_iter().chain([("DELETE", "DELETE")]);
        let allow: Vec<&str> = all.filter(|(_, verb)| has(verb)).map(|(shown, _)| shown).collect();
        return if allow.is_empty() { Answer::None } else { Answer::WrongVerb(allow) };
    };
    let params = routes[*best].segments.iter().zip(&parts).filter_map(|(segment, part)| match segment {
        Segment::Param(name) => Some((name.clone(), decoded(part)?)),
        Segment::Fixed(_) => None,
    });
    Answer::Route(*best, params.collect())
}

/// None when an escape is none, or what it says is not UTF-8.
fn decoded(part: &str) -> Option<String> {
    let mut pieces = part.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(escaped(piece)?);
        bytes.extend(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// The byte that the two digits at the beginning stand for.
fn escaped(piece: &str) -> Option<u8> {
    let digits = piece.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

/// `%` that begins no escape is itself.
fn form(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match escaped(piece) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(&piece.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
