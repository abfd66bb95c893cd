use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{Handler, HandlerPath, Language};

/// `["GET /users/{id}"]`
fn api(routes: &[impl AsRef<str>]) -> Api {
    let routes = routes.iter().map(|route| {
        let (verb, path) = route.as_ref().split_once(" /").unwrap();
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let segments = segments
            .map(|segment| match crate::name::param(segment) {
                Some(name) => Segment::Param(name.to_owned()),
                None => Segment::Fixed(segment.to_owned()),
            })
            .collect();
        let verb = Verb::ALL.into_iter().find(|known| known.as_str() == verb).unwrap();
        let path = HandlerPath::checked(format!("apis/a/{path}/{}", verb.file_stem()));
        Route { verb, segments, handler: Handler { path, file: String::new(), language: Language::JavaScript } }
    });
    Api { name: "a".into(), routes: routes.collect(), timeout: Duration::from_secs(30), cors_origins: None }
}

/// `GET /users/{id} id=7`, `405 GET, HEAD` or `404`.
fn answer(routes: &[impl AsRef<str>], method: &str, path: &str) -> String {
    match Routes::new(&api(routes)).find(method, path) {
        Found::Route { index, params, .. } => {
            let params: String = params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{}{params}", routes[index].as_ref())
        }
        Found::WrongVerb { allow } => format!("405 {}", allow.join(", ")),
        Found::None => "404".into(),
    }
}

#[test]
fn the_leftmost_fixed_segment_wins() {
    let routes = ["GET /users/{id}", "GET /users/me", "GET /{a}/me", "GET /{a}/{b}"];
    for (path, expected) in [
        ("/users/me", "GET /users/me"),
        ("/users/7", "GET /users/{id} id=7"),
        ("/cats/me", "GET /{a}/me a=cats"),
        ("/cats/7", "GET /{a}/{b} a=cats b=7"),
        ("/cats", "404"),
        ("/users/7/8", "404"),
    ] {
        assert_eq!(answer(&routes, "GET", path), expected, "{path}");
    }
}

#[test]
fn a_dead_end_is_left_again() {
    let routes = ["GET /users/me", "GET /users/{id}/posts", "GET /{any}/me/posts/last"];
    assert_eq!(answer(&routes, "GET", "/users/me/posts"), "GET /users/{id}/posts id=me");
    assert_eq!(answer(&routes, "GET", "/users/me/posts/last"), "GET /{any}/me/posts/last any=users");
}

#[test]
fn a_fixed_route_of_another_verb_hides_nothing() {
    let routes = ["GET /users/me", "DELETE /users/{id}", "POST /users/{id}"];
    assert_eq!(answer(&routes, "DELETE", "/users/me"), "DELETE /users/{id} id=me");
    assert_eq!(answer(&routes, "GET", "/users/7"), "405 POST, DELETE");
    assert_eq!(answer(&routes, "PUT", "/users/me"), "405 GET, HEAD, POST, DELETE");
    assert_eq!(answer(&routes, "OPTIONS", "/users/me"), "405 GET, HEAD, POST, DELETE");
    assert_eq!(answer(&routes, "PUT", "/cats"), "404");
}

#[test]
fn get_serves_head() {
    assert_eq!(answer(&["GET /a"], "HEAD", "/a"), "GET /a");
    assert_eq!(answer(&["POST /a"], "HEAD", "/a"), "405 POST");
    assert_eq!(answer(&["GET /a"], "get", "/a"), "405 GET, HEAD");
}

#[test]
fn one_trailing_slash_is_ignored() {
    let routes = ["GET /", "GET /a", "GET /a/{b}"];
    for (path, expected) in [
        ("/", "GET /"),
        ("", "GET /"),
        ("/a", "GET /a"),
        ("/a/", "GET /a"),
        ("/a/b/", "GET /a/{b} b=b"),
        ("//", "404"),
        ("/a//", "404"),
        ("//a", "404"),
    ] {
        assert_eq!(answer(&routes, "GET", path), expected, "{path:?}");
    }
}

#[test]
fn segments_are_decoded_after_they_are_split() {
    let routes = ["GET /a/{b}", "GET /a/{b}/c"];
    for (path, expected) in [
        ("/a/x%2Fc", "GET /a/{b} b=x/c"),
        ("/a/x%2fy/c", "GET /a/{b}/c b=x/y"),
        ("/%61/%C3%A9", "GET /a/{b} b=é"),
        ("/a/1+1%2B1", "GET /a/{b} b=1+1+1"),
        ("/a/%20", "GET /a/{b} b= "),
    ] {
        assert_eq!(answer(&routes, "GET", path), expected, "{path}");
    }
}

#[test]
fn a_malformed_segment_matches_nothing() {
    for path in ["/%", "/%2", "/%zz", "/%+1", "/%FF", "/%C3", "/%C3%28"] {
        assert_eq!(answer(&["GET /{a}"], "GET", path), "404", "{path}");
    }
}

#[test]
fn a_query_is_decoded_as_browsers_do() {
    let pairs = parse_query("a=1&b=x+y%20z&a=2&flag&=v&&c=1=2&d=%&e=%zz&f=%FF&%C3%A9=%26");
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("a", "1"),
        ("b", "x y z"),
        ("a", "2"),
        ("flag", ""),
        ("", "v"),
        ("c", "1=2"),
        ("d", "%"),
        ("e", "%zz"),
        ("f", "\u{fffd}"),
        ("é", "&"),
    ];
    assert_eq!(pairs, expected);
    assert_eq!(parse_query(""), []);
}

/// The rule, word for word: of all routes that match, the one whose first difference from every other is a
/// fixed segment.
fn naive(routes: &[String], method: &str, path: &str) -> String {
    let path = path.strip_prefix('/').unwrap();
    let path = path.strip_suffix('/').unwrap_or(path);
    let parts: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
    let segments = |route: &str| -> Vec<String> {
        route.split_once(" /").unwrap().1.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let fits = |route: &&String| {
        let segments = segments(route);
        segments.len() == parts.len()
            && segments
                .iter()
                .zip(&parts)
                .all(|(segment, part)| if segment.starts_with('{') { !part.is_empty() } else { segment == part })
    };
    let verb = |route: &str| route.split_once(' ').unwrap().0.to_owned();
    let wanted = if method == "HEAD" { "GET" } else { method };
    let fitting: Vec<&String> = routes.iter().filter(fits).collect();
    let best = fitting
        .iter()
        .filter(|route| verb(route) == wanted)
        .min_by_key(|route| segments(route).iter().map(|segment| segment.starts_with('{')).collect::<Vec<_>>());
    if let Some(best) = best {
        let params = segments(best).into_iter().zip(&parts).filter(|(segment, _)| segment.starts_with('{'));
        let params: String =
            params.map(|(segment, part)| format!(" {}={part}", segment.trim_matches(['{', '}']))).collect();
        return format!("{best}{params}");
    }
    let allow = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].into_iter();
    let allow = allow.filter(|known| fitting.iter().any(|route| verb(route) == known.replace("HEAD", "GET")));
    let allow: Vec<&str> = allow.collect();
    if allow.is_empty() { "404".into() } else { format!("405 {}", allow.join(", ")) }
}

fn any_path(segment: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #[test]
    fn the_tree_agrees_with_the_rule(
        routes in prop::collection::btree_set(("GET|POST|PUT", any_path("a|b|\\{p\\}")), 0..12),
        method in "GET|HEAD|POST|DELETE",
        path in any_path("a|b|c"),
        slash in "/?",
    ) {
        let routes: Vec<String> = routes.into_iter().map(|(verb, path)| format!("{verb} {path}")).collect();
        let path = if path == "/" { path } else { path + &slash };
        prop_assert_eq!(answer(&routes, &method, &path), naive(&routes, &method, &path));
    }

    #[test]
    fn no_request_panics(method in ".*", path in "(/|%|%2F|%C3|a|b|.)*", query in "(&|=|%|%C3|\\+|.)*") {
        let routes = ["GET /", "GET /a/{b}", "POST /{a}/{b}/{c}"];
        let _ = Routes::new(&api(&routes)).find(&method, &path);
        let _ = parse_query(&query);
    }
}
