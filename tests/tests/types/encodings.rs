//! Text in other encodings than UTF-8.

use super::support::{Run, fields, job, run};

const TEXT: &str = "\"Id\",\"Level\",\"Record\"\r\n\"4620\",\"Infórmation\",\"1000\"\r\n\
    \"4621\",\"Wärnung\",\"1001\"\r\n\"4622\",\"日本, 😀\",\"1002\"\r\n";

fn read(bytes: &[u8], more: &str) -> Run {
    let job = job(&format!("csv: {{path: in.csv{more}}}"), &fields(&["Record", "Level"]));
    run("in.csv", bytes, &job)
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

#[test]
fn utf16_is_read_as_utf8_is() {
    let expected = read(TEXT.as_bytes(), "").succeeded();
    assert_eq!(expected.notes("ENCODING"), [""; 0]);
    for (big, label) in [(false, "utf-16le"), (true, "utf-16be")] {
        // Without a byte order mark, text that is mostly Latin is recognized.
        let unmarked = TEXT.replace("日本, 😀", "x");
        for text in [format!("\u{feff}{TEXT}"), unmarked] {
            let done = read(&utf16(&text, big), "").succeeded();
            assert_eq!(done.csv("Level")[..2], ["Infórmation", "Wärnung"]);
            let note = done.note("ENCODING");
            let set = format!(", encoding: {label}");
            assert!(note.contains(&format!("`encoding: {label}`")), "{note}");
            let set = read(&utf16(&text, big), &set).succeeded();
            assert_eq!(set.workspace.read("out.csv"), done.workspace.read("out.csv"));
            assert_eq!(set.notes("ENCODING"), [""; 0]);
        }
        let done = read(&utf16(&format!("\u{feff}{TEXT}"), big), "").succeeded();
        assert_eq!(done.workspace.read("out.csv"), expected.workspace.read("out.csv"));
    }
}

#[test]
fn utf16_json() {
    let text = "{\"a\": 1, \"b\": \"é\"}\n{\"a\": 2, \"b\": \"日本\"}\n";
    let job = job("ndjson: {path: in.ndjson}", &fields(&["a"]));
    let done = run("in.ndjson", &utf16(&format!("\u{feff}{text}"), false), &job).succeeded();
    assert_eq!(done.csv("b"), ["é", "日本"]);
    assert!(done.note("ENCODING").contains("utf-16le"));
}

#[test]
fn code_pages_are_refused_with_a_remedy() {
    let text = "Id,Level,Record\n1,a,7\n2,Wärnung,8\n3,Müller,9\n";
    let refused = read(&latin(text), "");
    refused
        .output
        .expect(3, &["in.csv:3", "byte 4", "0xe4", "`Wärnung`", "encoding: windows-1252"]);
    // The remedy of the message.
    let done = read(&latin(text), ", encoding: windows-1252").succeeded();
    assert_eq!(done.csv("Level"), ["a", "Wärnung", "Müller"]);
    // In the header too.
    let header = latin("Größe,Level,Record\n1,a,7\n");
    read(&header, "").output.expect(3, &["in.csv:1", "`Größe`", "encoding: windows-1252"]);
    // Skipped, such records are in the dead-letter file.
    let skipped = read(&latin(text), ", badLines: skip").succeeded();
    assert_eq!(skipped.csv("Level"), ["a"]);
    // A damaged byte in UTF-8 is no encoding.
    let damaged = b"Id,Level,Record\n1,M\xc3\xbcl\xffler,7\n";
    let output = read(damaged, "").output;
    output.expect(3, &["in.csv:2", "0xff"]);
    assert!(!output.stderr.contains("encoding:"), "{}", output.stderr);
}

#[test]
fn other_code_pages_are_read() {
    let cyrillic = b"Id,Level,Record\n1,\xcf\xf0\xe8\xe2\xe5\xf2,7\n";
    read(cyrillic, "").output.expect(3, &["`Привет`", "encoding: windows-1251"]);
    let done = read(cyrillic, ", encoding: windows-1251").succeeded();
    assert_eq!(done.csv("Level"), ["Привет"]);
    // In Shift JIS the second byte of a character may be that of a backslash or a separator.
    let japanese = b"Id,Level,Record\n1,\x95\x5c\x83\x7c,7\n2,\x93\xfa,8\n";
    let done = read(japanese, ", encoding: shift_jis").succeeded();
    assert_eq!(done.csv("Level"), ["表ポ", "日"]);
    assert_eq!(done.csv("Record"), ["7", "8"]);
}

#[test]
fn bytes_that_have_no_character_make_a_bad_record() {
    let bytes = b"Id,Level,Record\n1,\x93\xfa,8\n2,\xff\xff,9\n3,x,10\n";
    read(bytes, ", encoding: shift_jis").output.expect(3, &["in.csv:3", "not shift_jis"]);
    let done = read(bytes, ", encoding: shift_jis, badLines: skip").succeeded();
    assert_eq!(done.csv("Level"), ["日", "x"]);
    let rejected = done.workspace.read("job.rejected.ndjson");
    assert!(rejected.contains("\"line\":3"), "{rejected}");
}

#[test]
fn semicolons_in_code_pages_are_found() {
    let rows: String = (0..20).map(|row| format!("Wärnung;{row}\n")).collect();
    let done =
        read(&latin(&format!("Level;Record\n{rows}")), ", encoding: windows-1252").succeeded();
    assert_eq!(done.csv("Level")[0], "Wärnung");
    assert!(done.note("DIALECT").contains("separator: \";\""));
}
