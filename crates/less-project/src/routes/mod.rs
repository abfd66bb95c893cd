//! Which route of an API answers a request.
//!
//! Among the routes that match path *and* verb the one with the leftmost fixed segment wins, with backtracking:
//! `/users/me/posts` may reach `/users/{id}/posts` although there is a `/users/me`. One trailing slash is ignored.
//! Segments are split before they are decoded, so `%2F` stays inside its parameter; a parameter is never empty.
//! `+` means itself. A segment with a malformed escape, or that is not UTF-8 when decoded, matches nothing.

mod decode;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::{Api, Route, Segment, Verb};

pub use decode::{parse_query, percent_decode};

/// An API's routes, as a tree of segments.
#[derive(Debug, Clone)]
pub struct Routes {
    routes: Vec<Route>,
    root: Node,
}

/// What [`Routes::find`] has to say about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    Route {
        /// Its place in [`Api::routes`].
        index: usize,
        route: &'a Route,
        /// Decoded, in the order of the path.
        params: Vec<(String, String)>,
    },
    /// There are routes for this path, but none for this verb. `allow`: the verbs there are, `HEAD` included
    /// where `GET` is, ready to be joined for the header.
    WrongVerb {
        allow: Vec<&'static str>,
    },
    None,
}

#[derive(Debug, Clone, Default)]
struct Node {
    fixed: BTreeMap<String, Node>,
    param: Option<Box<Node>>,
    /// A route for each verb, in the order of [`Verb::ALL`].
    verbs: [Option<usize>; Verb::ALL.len()],
}

impl Routes {
    pub fn new(api: &Api) -> Self {
        let mut root = Node::default();
        for (index, route) in api.routes.iter().enumerate() {
            let mut node = &mut root;
            for segment in &route.segments {
                node = match segment {
                    Segment::Fixed(name) => node.fixed.entry(name.clone()).or_default(),
                    Segment::Param(_) => node.param.get_or_insert_default(),
                };
            }
            node.verbs[route.verb as usize].get_or_insert(index);
        }
        Self { routes: api.routes.clone(), root }
    }

    /// `method` as in the request line; `path` without query, not decoded, relative to the API.
    pub fn find(&self, method: &str, path: &str) -> Found<'_> {
        let wanted = if method == "HEAD" { "GET" } else { method };
        let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == wanted);
        let path = path.strip_prefix('/').unwrap_or(path);
        let rest = (!path.is_empty()).then(|| path.strip_suffix('/').unwrap_or(path));
        let mut search = Search { verb, values: Vec::new(), others: [false; Verb::ALL.len()] };
        match search.visit(&self.root, rest) {
            Some(index) => {
                let route = &self.routes[index];
                let names = route.segments.iter().filter_map(|segment| match segment {
                    Segment::Param(name) => Some(name.clone()),
                    Segment::Fixed(_) => None,
                });
                let params = names.zip(search.values.into_iter().map(Cow::into_owned)).collect();
                Found::Route { index, route, params }
            }
            None if search.others.contains(&true) => Found::WrongVerb { allow: search.allow() },
            None => Found::None,
        }
    }
}

/// Visits each node of the tree at most once, so no path makes it slow.
struct Search<'p> {
    verb: Option<Verb>,
    /// Of the parameters on the way to the node being visited.
    values: Vec<Cow<'p, str>>,
    /// Verbs of routes that match the path.
    others: [bool; Verb::ALL.len()],
}

impl<'p> Search<'p> {
    /// `rest`: the segments still to match; none at the end of the path.
    fn visit(&mut self, node: &Node, rest: Option<&'p str>) -> Option<usize> {
        let Some(rest) = rest else {
            for (other, route) in self.others.iter_mut().zip(node.verbs) {
                *other |= route.is_some();
            }
            return node.verbs[self.verb? as usize];
        };
        let (segment, rest) = rest.split_once('/').map_or((rest, None), |(segment, rest)| (segment, Some(rest)));
        let segment = percent_decode(segment)?;
        if let Some(fixed) = node.fixed.get(segment.as_ref())
            && let Some(index) = self.visit(fixed, rest)
        {
            return Some(index);
        }
        let param = node.param.as_ref().filter(|_| !segment.is_empty())?;
        self.values.push(segment);
        let index = self.visit(param, rest);
        if index.is_none() {
            self.values.pop();
        }
        index
    }

    fn allow(&self) -> Vec<&'static str> {
        let verbs = Verb::ALL.into_iter().filter(|verb| self.others[*verb as usize]);
        verbs.flat_map(|verb| if verb == Verb::Get { vec!["GET", "HEAD"] } else { vec![verb.as_str()] }).collect()
    }
}

#[cfg(test)]
mod tests;
