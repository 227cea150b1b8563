//! Guests by hand: a core module in text, and a description as bytes.

use std::fmt::Write;

/// Where the description is in the memory of a guest.
const DESCRIPTION: usize = 1024;
const GUEST: &str = "anomal:pack/guest@0.1.0";

pub const TEXT: u8 = 0;
pub const INTEGER: u8 = 1;
pub const FLOAT: u8 = 2;
pub const DATETIME: u8 = 4;

pub const METRIC: u8 = 0;
pub const FILTER: u8 = 1;
pub const FLAG: u8 = 2;
pub const GROUP_FLAG: u8 = 3;

#[derive(Clone)]
pub struct Component {
    pub name: String,
    pub role: u8,
    pub description: String,
    /// Name, kinds, purpose, whether it is optional.
    pub inputs: Vec<(String, Vec<u8>, u8, bool)>,
    pub schema: String,
    pub output: Option<u8>,
    pub distinct: bool,
}

impl Component {
    pub fn new(name: &str, role: u8, inputs: &[(&str, u8)], output: Option<u8>) -> Self {
        let input = |(name, kind): &(&str, u8)| ((*name).to_owned(), vec![*kind], 0, false);
        Self {
            name: name.to_owned(),
            role,
            description: format!("The component {name}."),
            inputs: inputs.iter().map(input).collect(),
            schema: r#"{"type": "object", "properties": {}, "additionalProperties": false}"#.into(),
            output,
            distinct: false,
        }
    }

    pub fn distinct(mut self) -> Self {
        self.distinct = true;
        self
    }
}

/// A guest with one component.
pub struct Guest {
    pub component: Component,
    /// Imports and further functions.
    pub items: String,
    pub prepare: String,
    /// The function of the component's role.
    pub body: String,
}

impl Guest {
    pub fn new(component: Component, body: &str) -> Self {
        Self {
            component,
            items: String::new(),
            prepare: "(call $result (i32.const 0))".into(),
            body: body.into(),
        }
    }

    /// The component, made of the module.
    pub fn component(&self) -> Vec<u8> {
        anomal_pack_host::componentize(&self.module()).unwrap()
    }

    pub fn module(&self) -> Vec<u8> {
        wat::parse_str(self.text()).unwrap_or_else(|error| panic!("{error}"))
    }

    fn text(&self) -> String {
        let description = describe(&self.component);
        let heap = (DESCRIPTION + description.len()).next_multiple_of(16);
        let pages = heap / 65_536 + 2;
        let mut data = String::new();
        for byte in &description {
            write!(data, "\\{byte:02x}").unwrap();
        }
        let inputs = "(param $inputs i32) (param $count i32)";
        let mut functions = String::new();
        for (role, name) in
            [(METRIC, "metric"), (FILTER, "filter"), (FLAG, "flag"), (GROUP_FLAG, "group-flag")]
        {
            let body = if role == self.component.role { self.body.as_str() } else { "unreachable" };
            let groups =
                if role == GROUP_FLAG { "(param $groups i32) (param $groupBytes i32)" } else { "" };
            writeln!(
                functions,
                "(func (export \"{GUEST}#{name}\") {inputs} {groups} (result i32) {LOCALS} {body})"
            )
            .unwrap();
        }
        let (items, prepare) = (&self.items, &self.prepare);
        format!(
            r#"(module
  {items}
  (memory (export "memory") {pages})
  (global $heap (mut i32) (i32.const {heap}))
  (data (i32.const {DESCRIPTION}) "{data}")
  (func $allocate (param $bytes i32) (result i32) (local $start i32)
    (local.set $start (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    (global.set $heap (i32.add (local.get $start) (local.get $bytes)))
    (if (i32.gt_u (global.get $heap) (i32.shl (memory.size) (i32.const 16)))
      (then (drop (memory.grow (i32.add (i32.const 1)
        (i32.sub (i32.shr_u (global.get $heap) (i32.const 16)) (i32.sub (memory.size) (i32.const 1))))))))
    (local.get $start))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $bytes i32) (result i32)
    (call $allocate (local.get $bytes)))
  ;; A result with this discriminant and nothing else so far.
  (func $result (param $failed i32) (result i32) (local $at i32)
    (local.set $at (call $allocate (i32.const 64)))
    (memory.fill (local.get $at) (i32.const 0) (i32.const 64))
    (i32.store8 (local.get $at) (local.get $failed))
    (local.get $at))
  ;; The number of bytes of the text of a row of the first input.
  (func $length (param $inputs i32) (param $row i32) (result i32) (local $offsets i32)
    (local.set $offsets (i32.add (i32.load offset=20 (local.get $inputs)) (i32.shl (local.get $row) (i32.const 2))))
    (i32.sub (i32.load offset=4 (local.get $offsets)) (i32.load (local.get $offsets))))
  (func (export "{GUEST}#describe") (result i32) (i32.const {DESCRIPTION}))
  (func (export "{GUEST}#prepare") (param $name i32) (param $nameLength i32) (param $parameters i32) (param $length i32)
    (result i32) {LOCALS} {prepare})
  {functions})"#
        )
    }
}

const LOCALS: &str =
    "(local $rows i32) (local $row i32) (local $at i32) (local $values i32) (local $found i32)";

/// A description in the layout of the canonical ABI: the list, its elements, their texts.
fn describe(component: &Component) -> Vec<u8> {
    let mut bytes = Bytes { bytes: vec![0; 8 + 40], base: DESCRIPTION };
    bytes.set(0, DESCRIPTION + 8);
    bytes.set(4, 1);
    let inputs = bytes.reserve(20 * component.inputs.len());
    for (place, (name, kinds, purpose, optional)) in component.inputs.iter().enumerate() {
        let at = inputs + 20 * place;
        bytes.text(at, name.as_bytes());
        bytes.text(at + 8, kinds);
        bytes.bytes[at + 16] = *purpose;
        bytes.bytes[at + 17] = u8::from(*optional);
    }
    bytes.text(8, component.name.as_bytes());
    bytes.bytes[16] = component.role;
    bytes.text(20, component.description.as_bytes());
    bytes.set(28, DESCRIPTION + inputs);
    bytes.set(32, component.inputs.len());
    bytes.text(36, component.schema.as_bytes());
    bytes.bytes[44] = u8::from(component.output.is_some());
    bytes.bytes[45] = component.output.unwrap_or_default();
    bytes.bytes[46] = u8::from(component.distinct);
    bytes.bytes
}

struct Bytes {
    bytes: Vec<u8>,
    base: usize,
}

impl Bytes {
    fn set(&mut self, at: usize, number: usize) {
        let number = u32::try_from(number).unwrap();
        self.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }

    fn reserve(&mut self, bytes: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(at + bytes, 0);
        at
    }

    fn text(&mut self, at: usize, text: &[u8]) {
        let start = self.reserve(text.len());
        self.bytes[start..start + text.len()].copy_from_slice(text);
        self.set(at, self.base + start);
        self.set(at + 4, text.len());
    }
}

/// A loop over the rows of the first input; `each` has `$row`.
pub fn for_rows(each: &str) -> String {
    format!(
        "(local.set $rows (i32.load offset=8 (local.get $inputs)))
         (block $done (loop $next
           (br_if $done (i32.ge_u (local.get $row) (local.get $rows)))
           {each}
           (local.set $row (i32.add (local.get $row) (i32.const 1)))
           (br $next)))"
    )
}

/// A metric with integers: `each` leaves the value of `$row` as an i64.
pub fn integers(each: &str) -> String {
    let store = format!(
        "(i64.store (i32.add (local.get $values) (i32.shl (local.get $row) (i32.const 3))) {each})"
    );
    format!(
        "(local.set $values (call $allocate (i32.shl (i32.load offset=8 (local.get $inputs)) (i32.const 3))))
         {}
         (local.set $at (call $result (i32.const 0)))
         (i32.store8 offset=4 (local.get $at) (i32.const 1))
         (i32.store offset=8 (local.get $at) (local.get $rows))
         (i32.store offset=28 (local.get $at) (local.get $values))
         (i32.store offset=32 (local.get $at) (i32.shl (local.get $rows) (i32.const 3)))
         (local.get $at)",
        for_rows(&store)
    )
}

/// The number of bytes of each text.
pub fn length() -> Guest {
    let component = Component::new("length", METRIC, &[("text", TEXT)], Some(INTEGER)).distinct();
    Guest::new(
        component,
        &integers("(i64.extend_i32_u (call $length (local.get $inputs) (local.get $row)))"),
    )
}

/// As [`length`], but what `code` does comes first for texts of 13 bytes.
pub fn length_unless_13(code: &str) -> Guest {
    let mut guest = length();
    guest.body = integers(&format!(
        "(block (result i64)
           (if (i32.eq (call $length (local.get $inputs) (local.get $row)) (i32.const 13)) (then {code}))
           (i64.extend_i32_u (call $length (local.get $inputs) (local.get $row))))"
    ));
    guest
}

/// The first input, as it is.
pub fn identity(kind: u8) -> Guest {
    let component = Component::new("identity", METRIC, &[("value", kind)], Some(kind));
    Guest::new(
        component,
        "(local.set $at (call $result (i32.const 0)))
         (memory.copy (i32.add (local.get $at) (i32.const 4)) (i32.add (local.get $inputs) (i32.const 4)) (i32.const 32))
         (local.get $at)",
    )
}

/// Removes rows whose text is empty.
pub fn empty() -> Guest {
    let component = Component::new("empty", FILTER, &[("text", TEXT)], None).distinct();
    let set = "(if (i32.eqz (call $length (local.get $inputs) (local.get $row))) (then
        (local.set $at (i32.add (local.get $values) (i32.shr_u (local.get $row) (i32.const 3))))
        (i32.store8 (local.get $at) (i32.or (i32.load8_u (local.get $at))
          (i32.shl (i32.const 1) (i32.and (local.get $row) (i32.const 7)))))))";
    let bytes =
        "(i32.shr_u (i32.add (i32.load offset=8 (local.get $inputs)) (i32.const 7)) (i32.const 3))";
    Guest::new(
        component,
        &format!(
            "(local.set $values (call $allocate {bytes}))
             (memory.fill (local.get $values) (i32.const 0) {bytes})
             {}
             (local.set $at (call $result (i32.const 0)))
             (i32.store offset=4 (local.get $at) (local.get $values))
             (i32.store offset=8 (local.get $at) {bytes})
             (local.get $at)",
            for_rows(set)
        ),
    )
}

/// What a flag answers: `$found` rows at `$values`, each with an empty text.
const HITS: &str = "
    (local.set $at (call $result (i32.const 0)))
    (i32.store offset=4 (local.get $at) (local.get $values))
    (i32.store offset=8 (local.get $at) (i32.shl (local.get $found) (i32.const 2)))
    (i32.store offset=16 (local.get $at) (local.get $found))
    (local.set $row (i32.shl (i32.add (local.get $found) (i32.const 1)) (i32.const 2)))
    (i32.store offset=28 (local.get $at) (call $allocate (local.get $row)))
    (memory.fill (i32.load offset=28 (local.get $at)) (i32.const 0) (local.get $row))
    (i32.store offset=32 (local.get $at) (local.get $row))
    (local.get $at)";

const HIT: &str = "
    (i32.store (i32.add (local.get $values) (i32.shl (local.get $found) (i32.const 2))) (local.get $row))
    (local.set $found (i32.add (local.get $found) (i32.const 1)))";

const ROOM_FOR_HITS: &str = "(local.set $values (call $allocate (i32.shl (i32.load offset=8 (local.get $inputs)) (i32.const 2))))";

/// Hits rows whose text has more than 5 bytes.
pub fn long() -> Guest {
    let component = Component::new("long", FLAG, &[("text", TEXT)], None).distinct();
    let each = format!(
        "(if (i32.gt_u (call $length (local.get $inputs) (local.get $row)) (i32.const 5)) (then {HIT}))"
    );
    Guest::new(component, &format!("{ROOM_FOR_HITS} {} {HITS}", for_rows(&each)))
}

/// Hits the last row, by time, of each group with more than one.
pub fn last_of_group() -> Guest {
    let mut component =
        Component::new("last_of_group", GROUP_FLAG, &[("client", TEXT), ("time", DATETIME)], None);
    component.inputs[0].2 = 1;
    component.inputs[1].2 = 2;
    let body = format!(
        "{ROOM_FOR_HITS}
         (local.set $rows (i32.sub (i32.shr_u (local.get $groupBytes) (i32.const 2)) (i32.const 1)))
         (block $done (loop $next
           (br_if $done (i32.eqz (local.get $rows)))
           (local.set $at (local.get $groups))
           (local.set $row (i32.sub (i32.load offset=4 (local.get $at)) (i32.const 1)))
           (if (i32.gt_u (local.get $row) (i32.load (local.get $at))) (then {HIT}))
           (local.set $groups (i32.add (local.get $groups) (i32.const 4)))
           (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
           (br $next)))
         {HITS}"
    );
    Guest::new(component, &body)
}

/// A component in text.
pub fn parse_component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A component that imports a function `connect` of an interface.
pub fn with_import(interface: &str) -> Vec<u8> {
    parse_component(&format!(
        r#"(component (import "{interface}" (instance (export "connect" (func)))))"#
    ))
}
