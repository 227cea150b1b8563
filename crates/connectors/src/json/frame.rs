//! Where the records are in a file of JSON: the settings, or what the first bytes show.

use super::scan::{Member, Members, ValueScanner, skip_blanks};

/// Names of nested objects that are looked at.
const MAX_DEPTH: usize = 4;
/// Values at the top that are looked at.
const MAX_VALUES: usize = 100;
/// Members beside the array of records that each of several objects may have; records have more.
const MAX_BESIDE: usize = 3;
/// Arrays that a message names.
const MAX_NAMED: usize = 5;
/// Where Elasticsearch and OpenSearch have the results of a search.
const HITS: &str = "hits.hits";

/// Where the records are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The names above the array with the records; none: the values at the top or, of arrays there, their elements.
    pub path: Vec<String>,
    /// The member of each element that is the record.
    pub unwrap: Option<String>,
    /// Members of the objects around the records that these get, by their paths.
    pub attach: Vec<String>,
}

/// What kind of JSON a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonKind {
    /// An object in each line.
    Lines,
    /// Arrays at the top.
    Array,
    /// Objects that take several lines or have the records below them.
    Objects,
}

/// What the first bytes show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FoundFrame {
    /// The path of the array with the records, with dots; empty: the top.
    pub records: String,
    /// Other arrays of objects that could be meant.
    pub others: Vec<String>,
    /// Whether none of them can be chosen.
    pub ambiguous: bool,
    /// The number of values that were looked at.
    pub values: usize,
    /// Whether the first array has more than one element.
    pub several: bool,
}

impl FoundFrame {
    /// The others, for a message.
    pub fn describe_others(&self) -> String {
        let names = self.others.iter().take(MAX_NAMED).map(|path| format!("`{path}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        let more = if self.others.len() > MAX_NAMED { " and more" } else { "" };
        format!("{names}{more}")
    }
}

/// An object at the top, as far as the text goes.
#[derive(Default)]
struct Shape {
    /// Members that are arrays of which the first element is an object.
    arrays: Vec<String>,
    /// Whether one of them has more than one element.
    several: bool,
    /// Members that are arrays without an element.
    empty: Vec<String>,
    /// Whether the other members are no objects or arrays.
    plain: bool,
    /// The number of other members.
    others: usize,
    /// Arrays of objects below other members.
    nested: Vec<String>,
    complete: bool,
}

impl Shape {
    fn new(object: &[u8]) -> Self {
        let mut shape = Self { plain: true, ..Self::default() };
        let mut members = Members::new(object);
        for Member { name, value, .. } in members.by_ref() {
            let addressable = !name.is_empty() && !name.contains('.');
            match (value.first(), first_element(value)) {
                (Some(b'['), Some(b'{')) if addressable => {
                    shape.several |= top_values(&value[1..]).len() > 1;
                    shape.arrays.push(name.into_owned());
                }
                (Some(b'['), None | Some(b']')) if addressable => {
                    shape.empty.push(name.into_owned());
                }
                (Some(b'{'), _) => {
                    shape.plain = false;
                    if addressable {
                        nested_arrays(&name, value, MAX_DEPTH, &mut shape.nested);
                    }
                }
                (Some(b'['), _) => shape.plain = false,
                _ => shape.others += 1,
            }
        }
        shape.complete = members.complete;
        shape
    }

    /// The only array of objects, if nothing else is nested.
    fn array(&self) -> Option<&str> {
        match (self.arrays.as_slice(), self.empty.as_slice()) {
            ([only], []) if self.plain => Some(only),
            _ => None,
        }
    }
}

/// The first byte of the first element of an array, or the closing bracket.
fn first_element(array: &[u8]) -> Option<u8> {
    let rest = array.strip_prefix(b"[")?;
    rest.get(skip_blanks(rest, 0)).copied()
}

fn nested_arrays(above: &str, object: &[u8], depth: usize, found: &mut Vec<String>) {
    for Member { name, value, .. } in Members::new(object) {
        if name.is_empty() || name.contains('.') {
            continue;
        }
        let path = format!("{above}.{name}");
        match value.first() {
            Some(b'[') if first_element(value) == Some(b'{') => found.push(path),
            Some(b'{') if depth > 2 => nested_arrays(&path, value, depth - 1, found),
            _ => {}
        }
    }
}

/// The values at the top of a text, each with whether it ends there; they end where something is no JSON.
fn top_values(text: &[u8]) -> Vec<(&[u8], bool)> {
    let mut values = Vec::new();
    let mut at = 0;
    loop {
        at = skip_blanks(text, at);
        if text.get(at) == Some(&b',') {
            at += 1;
            continue;
        }
        if at >= text.len() || values.len() == MAX_VALUES {
            return values;
        }
        match ValueScanner::default().feed(&text[at..]) {
            Ok(Some(end)) => {
                values.push((&text[at..at + end], true));
                at += end;
            }
            Ok(None) => {
                values.push((&text[at..], false));
                return values;
            }
            Err(_) => return values,
        }
    }
}

/// Finds where the records are from the start of a text.
pub(super) fn find_frame(text: &[u8]) -> FoundFrame {
    let values = top_values(text);
    let alone = values.len() == 1;
    let mut found = FoundFrame { values: values.len(), ..FoundFrame::default() };
    if values.iter().any(|(value, _)| value.first() != Some(&b'{')) {
        return found;
    }
    let shapes: Vec<Shape> = values.iter().map(|(value, _)| Shape::new(value)).collect();
    let few = |shape: &&Shape| alone || shape.others <= MAX_BESIDE;
    let mut arrays = shapes.iter().map(|shape| Some(shape).filter(few).and_then(Shape::array));
    // The last value may go on behind the text.
    let cut_off = |index: usize| index + 1 == shapes.len() && !shapes[index].complete && !alone;
    if let Some(Some(first)) = arrays.next()
        && arrays.enumerate().all(|(index, array)| array == Some(first) || cut_off(index + 1))
    {
        first.clone_into(&mut found.records);
        found.several = shapes[0].several;
        return found;
    }
    let [only] = shapes.as_slice() else { return found };
    if only.nested.iter().any(|path| path == HITS) {
        HITS.clone_into(&mut found.records);
        return found;
    }
    match only.empty.as_slice() {
        [name] if only.arrays.is_empty() && only.plain && only.complete => {
            found.records.clone_from(name);
        }
        _ => {}
    }
    found.others = [only.arrays.as_slice(), only.nested.as_slice()].concat();
    found.ambiguous = only.arrays.len() > 1 || !only.complete && !found.others.is_empty();
    found
}

/// A member of the object that begins the text, and whether the text has all of the object.
pub(super) fn find_member<'a>(text: &'a [u8], name: &str) -> (Option<&'a [u8]>, bool) {
    let mut members = Members::new(text);
    let found = members.find(|member| member.name == name && member.complete);
    (found.map(|member| member.value), members.complete)
}

/// Whether the first element or member of a text that is cut off is complete.
fn has_begun(text: &[u8]) -> bool {
    match text.first() {
        Some(b'[') => top_values(&text[1..]).first().is_some_and(|(_, ended)| *ended),
        _ => Members::new(text).next().is_some_and(|member| member.complete),
    }
}

impl JsonKind {
    /// The kind of a text that begins with JSON objects or arrays; nothing for other texts. `complete`: it is all there is.
    pub fn detect(text: &[u8], complete: bool) -> Option<Self> {
        let start = skip_blanks(text, 0);
        let text = &text[start..];
        let second = text.get(1..).and_then(|rest| rest.get(skip_blanks(rest, 0)));
        let kind = match (text.first(), second) {
            (Some(b'['), Some(b'{' | b'[' | b']')) => Self::Array,
            (Some(b'{'), Some(b'"' | b'}')) => Self::Objects,
            _ => return None,
        };
        let values = top_values(text);
        let (first, ended) = values.first()?;
        let line = memchr::memchr(b'\n', text);
        match values.get(1) {
            // Something else follows.
            None if *ended && skip_blanks(text, first.len()) < text.len() => return None,
            None if !ended && complete && !has_begun(text) => return None,
            Some((next, _)) if !matches!(next.first(), Some(b'{' | b'[')) => return None,
            _ => {}
        }
        if kind == Self::Array {
            return Some(kind);
        }
        // Where the second value begins, the first line has ended.
        let behind = skip_blanks(text, first.len());
        let one_line = line.is_none_or(|line| line >= first.len())
            && (values.len() < 2 || line.is_some_and(|line| line < behind));
        // A file of one line may also have the records below it.
        let below = !find_frame(text).records.is_empty();
        let lines = one_line && (*ended || line.is_none()) && !below;
        Some(if lines { Self::Lines } else { Self::Objects })
    }

    /// What it is, in a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Lines => "is JSON with an object a line",
            Self::Array => "is a JSON array",
            Self::Objects => "is JSON whose records are not one a line",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found() {
        for (text, records) in [
            (r#"[{"a":1}]"#, ""),
            (r#"{"a":1}{"b":[{"x":1}]}"#, ""),
            (r#"{"Records":[{"a":1}],"next":null}"#, "Records"),
            (r#"{"next":"x","Records":[{"a":1"#, "Records"),
            ("{\"Records\":[{}]}\n{\"Records\":[{}]}\n{\"Rec", "Records"),
            (r#"{"value":[]}"#, "value"),
            (
                r#"{"took":1,"_shards":{"n":1},"hits":{"total":1,"hits":[{"_source":{}}]}}"#,
                "hits.hits",
            ),
            (r#"{"a":[1],"b":[{"x":1}]}"#, ""),
            (r#"{"a":{"b":1},"b":[{"x":1}]}"#, ""),
            ("", ""),
            ("null", ""),
        ] {
            let found = find_frame(text.as_bytes());
            assert_eq!((found.records.as_str(), found.ambiguous), (records, false), "{text}");
        }
        let record = br#"{"a":1,"b":1,"c":1,"d":1,"answers":[{"x":1}]}"#;
        assert_eq!(find_frame(record).records, "answers");
        assert_eq!(find_frame(&record.repeat(2)).records, "");
        let two = find_frame(br#"{"events":[{"a":1}],"errors":[{"b":1}]}"#);
        assert_eq!((two.describe_others().as_str(), two.ambiguous), ("`events`, `errors`", true));
        let long = find_frame(br#"{"meta":{"x":1},"result":{"items":[{"a":1},{"#);
        assert_eq!((long.describe_others().as_str(), long.ambiguous), ("`result.items`", true));
    }

    #[test]
    fn kinds_are_found() {
        use JsonKind::{Array, Lines, Objects};
        for (text, kind) in [
            ("{\"a\":1}\n{\"a\":2}\n", Some(Lines)),
            ("\n {\"a\":1}", Some(Lines)),
            ("{\"a\":\n1}\n", Some(Objects)),
            ("{\"Records\":[{\"a\":1},{\"a\":2}]}", Some(Objects)),
            ("[{\"a\":1}]", Some(Array)),
            ("[]", Some(Array)),
            ("{\"a\":1}{\"a\":2}", Some(Objects)),
            ("{\"a\":1} {\"a\":2}\n{\"a\":3}\n", Some(Objects)),
            ("{}", Some(Lines)),
            ("{a},{b}\n1,2\n", None),
            ("[x],y\n1,2\n", None),
            ("{\"a\":1},b\n1,2\n", None),
            ("a,b\n", None),
            ("", None),
        ] {
            assert_eq!(JsonKind::detect(text.as_bytes(), true), kind, "{text}");
        }
        assert_eq!(JsonKind::detect(b"{\"a\":\"x", false), Some(Lines));
        assert_eq!(JsonKind::detect(b"[{\"a\":\"x", false), Some(Array));
        assert_eq!(JsonKind::detect(b"[{\"a\":\"x", true), None);
        assert_eq!(JsonKind::detect(b"[{\"a\":\"x\"},{", true), Some(Array));
    }
}
