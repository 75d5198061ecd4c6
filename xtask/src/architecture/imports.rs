//! The paths of a file that begin at the crate: `use` declarations and paths in code alike, those in macros included.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// A path without its `crate`, and the line, from 1, that it ends on.
#[derive(Debug, PartialEq)]
pub struct Import {
    pub path: Vec<String>,
    pub line: usize,
}

/// All of them outside of tests, in a file that is `module`; `super` is resolved.
pub fn imports(text: &str, module: &[String]) -> Result<Vec<Import>, LexError> {
    let mut found = Vec::new();
    scan(text.parse()?, &mut module.to_vec(), &mut found);
    Ok(found)
}

/// Names that the crate's root gives to what is elsewhere: `pub use ground::units` makes `units` of `ground::units`.
pub fn aliases(root: &str) -> Result<BTreeMap<String, Vec<String>>, LexError> {
    let trees: Vec<TokenTree> = root.parse::<TokenStream>()?.into_iter().collect();
    let mut found = Vec::new();
    for statement in trees.split(|tree| is_mark(Some(tree), ';')) {
        if let Some(start) = statement.iter().position(|tree| is_word(Some(tree), "use")) {
            branches(&statement[start + 1..], &[], &mut found);
        }
    }
    let named = found.into_iter().filter(|import| import.path.len() > 1);
    Ok(named.filter_map(|import| Some((import.path.last()?.clone(), import.path))).collect())
}

fn scan(tokens: TokenStream, module: &mut Vec<String>, found: &mut Vec<Import>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        if let Some(after) = after_test_item(&trees[at..]) {
            at += after;
            continue;
        }
        if let [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..] = &trees[at..]
            && word == "mod"
        {
            module.push(name.to_string());
            scan(body.stream(), module, found);
            module.pop();
            at += 3;
            continue;
        }
        match &trees[at] {
            // The program says `collapipe` for the library.
            TokenTree::Ident(word) if word == "crate" || word == "collapipe" => {
                at += 1 + rest_of_path(&trees[at + 1..], &[], found);
            }
            TokenTree::Ident(word) if word == "super" => {
                let mut ups = 1;
                while is_colons(&trees[at + 1..]) && is_word(trees.get(at + 3), "super") {
                    ups += 1;
                    at += 3;
                }
                let above = &module[..module.len().saturating_sub(ups)];
                at += 1 + rest_of_path(&trees[at + 1..], above, found);
            }
            TokenTree::Group(group) => {
                scan(group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

fn is_colons(trees: &[TokenTree]) -> bool {
    is_mark(trees.first(), ':') && is_mark(trees.get(1), ':')
}

fn is_mark(tree: Option<&TokenTree>, mark: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn is_word(tree: Option<&TokenTree>, word: &str) -> bool {
    matches!(tree, Some(TokenTree::Ident(ident)) if ident == word)
}

/// Follows `::name::name…`, and `::{…}` into its branches; returns the number of trees.
fn rest_of_path(trees: &[TokenTree], start: &[String], found: &mut Vec<Import>) -> usize {
    let mut path = start.to_vec();
    let (mut at, mut line) = (0, None);
    while is_colons(&trees[at..]) {
        match trees.get(at + 2) {
            Some(TokenTree::Ident(name)) => {
                path.push(name.to_string());
                line = Some(name.span().start().line);
                at += 3;
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                branches(&group.stream().into_iter().collect::<Vec<_>>(), &path, found);
                return at + 3;
            }
            // A glob, or arguments of the last name.
            Some(other) => {
                line = line.or(Some(other.span().start().line));
                break;
            }
            None => break,
        }
    }
    if let Some(line) = line.filter(|_| !path.is_empty()) {
        found.push(Import { path, line });
    }
    at
}

/// What stands between the braces of a `use`.
fn branches(trees: &[TokenTree], start: &[String], found: &mut Vec<Import>) {
    for branch in trees.split(|tree| is_mark(Some(tree), ',')) {
        let Some(first) = branch.first() else { continue };
        let mut path = start.to_vec();
        if let TokenTree::Ident(name) = first
            && name != "self"
        {
            path.push(name.to_string());
        }
        if is_colons(&branch[1..]) {
            rest_of_path(&branch[1..], &path, found);
        } else if !path.is_empty() {
            found.push(Import { path, line: first.span().start().line });
        }
    }
}

/// Number of trees of an item that only tests have, where one begins.
fn after_test_item(trees: &[TokenTree]) -> Option<usize> {
    let attribute = |at: usize| match (trees.get(at), trees.get(at + 1)) {
        (Some(TokenTree::Punct(punct)), Some(TokenTree::Group(group)))
            if punct.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group.stream().into_iter().collect::<Vec<_>>())
        }
        _ => None,
    };
    match &attribute(0)?[..] {
        [TokenTree::Ident(name), TokenTree::Group(condition)] if name == "cfg" => {
            let condition: Vec<TokenTree> = condition.stream().into_iter().collect();
            if !only_in_tests(&condition) {
                return None;
            }
        }
        _ => return None,
    }
    let mut at = 2;
    while attribute(at).is_some() {
        at += 2;
    }
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        other => is_mark(Some(other), ';'),
    };
    Some(trees[at..].iter().position(ends).map_or(trees.len(), |end| at + end + 1))
}

/// Whether the condition of a `cfg` fails in every build but that of tests.
fn only_in_tests(condition: &[TokenTree]) -> bool {
    match condition {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(group)] => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let mut parts = inner.split(|tree| is_mark(Some(tree), ',')).filter(|part| !part.is_empty());
            (word == "all" && parts.any(only_in_tests)) || (word == "any" && parts.all(only_in_tests))
        }
        _ => false,
    }
}
