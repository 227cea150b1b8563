//! The timeline, and the charts of a line of text.

use anomal_core::proto::{Severity, TimeSpan};

use super::*;
use crate::view::incidents::Timeline;

fn timeline_of(rows: Vec<u64>, high: Vec<u64>) -> Timeline {
    let none = vec![0; rows.len()];
    Timeline { start: 0, width: 60, evidence: [none.clone(), none, high], rows, without: 0 }
}

fn draw(timeline: &Timeline, href: &dyn Fn(usize) -> Option<String>, width: f64) -> String {
    let time = |bin| format!("t{bin}");
    let labels = TimelineLabels { time: &time, scale: (0, 60), usual: None, href };
    super::super::timeline(timeline, &timeline.evidence, &labels, width)
}

#[test]
fn intervals_have_bars_and_marks() {
    let timeline = timeline_of(vec![1, 0, 1_000, 5], vec![1, 0, 2, 0]);
    for width in [360.0, 640.0] {
        let svg = draw(&timeline, &|bin| Some(format!("?from={bin}&to={}", bin + 1)), width);
        check(&svg);
        let document = Document::parse(&svg).unwrap();
        let bars = elements(&document, "rect", "normal");
        assert_eq!(bars.len(), 3);
        // The smallest bar can be seen.
        assert!(number(&bars[0], "height") >= 1.0);
        assert_eq!(elements(&document, "path", "high").len(), 2);
        let links = elements(&document, "a", "");
        let href = links[1].attribute("href");
        assert_eq!((links.len(), href), (3, Some("?from=2&to=3")));
        assert!(svg.contains("t2 to t3: 1,000 rows; of incidents: 2 high"));
    }
    let svg = draw(&timeline, &|_| None, 640.0);
    check(&svg);
    assert!(!svg.contains("<a "));
    check(&draw(&timeline_of(Vec::new(), Vec::new()), &|_| None, 640.0));
}

#[test]
fn what_is_usual_is_a_line_over_the_bars() {
    let timeline = timeline_of(vec![1, 0, 4, 5], vec![0; 4]);
    let time = |bin| format!("t{bin}");
    let draw = |usual: &[u64]| {
        let labels = TimelineLabels {
            time: &time,
            scale: (0, 60),
            usual: Some((usual, "median of all hosts")),
            href: &|_| None,
        };
        super::super::timeline(&timeline, &timeline.evidence, &labels, 640.0)
    };
    let svg = draw(&[0, 2, 10, 2]);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    assert_eq!(elements(&document, "path", "median").len(), 1);
    assert!(svg.contains("t2 to t3: 4 rows; median of all hosts: 10"));
    // The line is within the chart: half as high a bar as 10 rows.
    let bars = elements(&document, "rect", "normal");
    assert!((number(&bars[2], "height") - 28.0).abs() < 0.1);
    assert!(!draw(&[0; 4]).contains("<path"));
}

#[test]
fn the_time_of_an_incident_is_within_that_of_the_data() {
    for (first, last, ends) in [(5, 9, (0, 10)), (3, 3, (3, 3)), (i64::MIN, i64::MAX, (0, 1))] {
        let span = TimeSpan { first, last, core_start: first, core_end: last };
        let svg = strip(&span, ends, Severity::High, "5 to 9");
        check(&svg);
        let document = Document::parse(&svg).unwrap();
        let bar = elements(&document, "rect", "high")[0];
        assert!(number(&bar, "x") + number(&bar, "width") <= 120.0);
    }
}

#[test]
fn cells_of_a_lane_are_higher_for_a_higher_severity() {
    let mut cells = vec![None; CELLS];
    cells[3] = Some(Severity::Low);
    cells[59] = Some(Severity::High);
    let svg = lane(&cells, "10.0.0.1 stood out 3 times.");
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let height = |class| number(&elements(&document, "rect", class)[0], "height");
    assert!(height("high") > height("low"));
}
