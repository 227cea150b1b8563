//! The charts of rows, and the placeholders of charts without data.

use anomal_core::proto::{Clustering, Dendrogram, FeatureGroup, FeatureSummary, Heatmap};
use roxmltree::{Document, Node};

use super::{super::*, check, elements, number, texts};
use crate::view::{Point, Reason, ScoreHistogram};

fn point(row: u64, (x, y): (f32, f32), count: u64, suspicious: bool, label: u32) -> Point {
    Point {
        row,
        x,
        y,
        count,
        suspicious,
        score: Some(0.834),
        labels: vec![1, label],
        features: vec![],
    }
}

#[test]
fn a_map_has_a_circle_for_each_point_and_rings_on_top() {
    let points = [
        point(7, (0.0, 0.0), 1, true, 2),
        point(17, (1.0, 0.5), 100, false, 1),
        point(27, (2.0, 1.0), 1, false, 40),
        point(37, (f32::NAN, 1.0), 1, false, 1),
    ];
    let svg = map(&points, Some(1), None);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let drawn: Vec<Node> = elements(&document, "circle", "")
        .into_iter()
        .filter(|node| node.has_attribute("data-i"))
        .collect();
    let attributes: Vec<_> = drawn
        .iter()
        .map(|c| (c.attribute("data-i").unwrap(), c.attribute("class").unwrap()))
        .collect();
    // Large points first, suspects last; points without a position are left out.
    assert_eq!(attributes, [("1", "c1"), ("2", "c-rest"), ("0", "c2")]);
    assert!(number(&drawn[0], "r") > 2.0 * number(&drawn[1], "r"));
    // One ring on the suspect, around it, and one in the legend.
    let rings = elements(&document, "circle", "ring");
    assert_eq!(rings.len(), 2);
    assert_eq!(number(&rings[0], "cx"), number(&drawn[2], "cx"));
    assert!(number(&rings[0], "r") > number(&drawn[2], "r"));
    // One scale for both axes.
    let (dx, dy) = (
        number(&drawn[1], "cx") - number(&drawn[2], "cx"),
        number(&drawn[1], "cy") - number(&drawn[2], "cy"),
    );
    assert!((dx - 2.0 * dy).abs() < 0.2, "{dx} {dy}");
    assert!(svg.contains("<title>row 17, score 0.83, 100 rows</title>"));
    // The legend has the clusters of all clusterings.
    assert_eq!(
        elements(&document, "g", "").iter().filter(|g| g.has_attribute("data-cluster")).count(),
        13
    );
}

#[test]
fn links_of_a_map_are_in_the_tab_order_for_suspects_only() {
    let points = [point(7, (0.0, 0.0), 1, true, 2), point(17, (1.0, 0.5), 1, false, 1)];
    let svg = map(&points, None, Some("/reports/x/rows/"));
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let links = elements(&document, "a", "");
    let attributes: Vec<_> =
        links.iter().map(|a| (a.attribute("href").unwrap(), a.attribute("tabindex"))).collect();
    assert_eq!(attributes, [("/reports/x/rows/17", Some("-1")), ("/reports/x/rows/7", None)]);
    assert_eq!(document.root_element().attribute("role"), Some("group"));
}

#[test]
fn a_map_of_thousands_is_small() {
    let points: Vec<Point> = (0..4000_u16)
        .map(|i| point(i.into(), (f32::from(i).sin(), f32::from(i).cos()), 1, false, 3))
        .collect();
    let plain = map(&points, Some(1), None);
    assert!(plain.len() < 110 * points.len(), "{}", plain.len());
    let linked = map(&points, Some(1), Some("/reports/0123456789ab/rows/"));
    assert!(linked.len() < 170 * points.len(), "{}", linked.len());
}

#[test]
fn a_dendrogram_is_cut_at_its_height_and_coloured_by_cluster() {
    let mut tree = tree::tests::tree(&[3, 1, 4], &[0, 1, 2]);
    tree.merges[0].height = 0.2;
    tree.merges[1].height = 0.8;
    let single_leaf = tree
        .order
        .iter()
        .position(|leaf| *leaf != tree.merges[0].left && *leaf != tree.merges[0].right);
    let mut labels = vec![1, 1, 1];
    labels[usize::try_from(tree.order[single_leaf.unwrap()]).unwrap()] = 2;
    let svg = dendrogram(&tree, &[labels], Some(0), &[0.5]);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    // Four legs and two bars: the pair's three lines and its leg in one colour, the single leaf's leg, the top bar.
    assert_eq!(elements(&document, "path", "c1").len(), 4);
    assert_eq!(elements(&document, "path", "c2").len(), 1);
    let neutral = elements(&document, "path", "branch");
    assert_eq!(
        neutral.iter().map(|p| p.attribute("data-leaves").unwrap()).collect::<Vec<_>>(),
        ["0-2"]
    );
    let scale = document.root_element().attribute("data-scale").unwrap();
    let (zero, top) = scale.split_once(' ').unwrap();
    let (zero, top): (f64, f64) = (zero.parse().unwrap(), top.parse().unwrap());
    let cut = number(&elements(&document, "line", "cut")[0], "y1");
    assert!((cut - (zero + (top - zero) * 0.5 / 0.8)).abs() < 0.01);
    let texts = texts(&document);
    for leaf in ["(3)", "(1)", "(4)", "cut at 0.5"] {
        assert!(texts.iter().any(|text| text == leaf), "{texts:?}");
    }
}

#[test]
fn a_heat_map_is_an_image_with_a_pixel_for_each_pair() {
    let svg = heatmap(&Heatmap { rows: vec![1, 2], similarities: vec![1.0, 0.25, f32::NAN, 1.0] });
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let image = elements(&document, "image", "")[0];
    assert_eq!(image.attribute("image-rendering"), Some("pixelated"));
    let data = image.attribute("href").unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut cells = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut cells).unwrap();
    assert_eq!((info.width, info.height, info.color_type), (2, 2, png::ColorType::Indexed));
    assert_eq!(cells, [63, 16, 0, 63]);
    // Fewer similarities than pairs of rows.
    assert!(
        heatmap(&Heatmap { rows: vec![1, 2], similarities: vec![1.0] }).contains("Nothing to draw")
    );
}

#[test]
fn suspicious_scores_stay_visible_beside_large_bars() {
    let histogram = ScoreHistogram {
        edges: vec![0.0, 0.5, 1.0],
        normal: vec![1_000_000, 0],
        suspicious: vec![0, 3],
        cut: Some(0.5),
    };
    let svg = scores(&histogram);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    // The first is that of the legend.
    let bar = |class| number(&elements(&document, "rect", class)[1], "height");
    assert!(texts(&document).contains(&"rows, logarithmic".to_owned()));
    let ratio = 4_f64.ln() / 1_000_001_f64.ln();
    assert!((bar("suspicious") / bar("normal") - ratio).abs() < 0.01);
    let cut = number(&elements(&document, "line", "cut")[0], "x1");
    assert_eq!(cut, f64::midpoint(48.0, 472.0));
    // Bars of similar height have a linear scale.
    let even = ScoreHistogram { normal: vec![100, 0], suspicious: vec![0, 50], ..histogram };
    let svg = scores(&even);
    let document = Document::parse(&svg).unwrap();
    let bar = |class| number(&elements(&document, "rect", class)[1], "height");
    assert_eq!(bar("normal"), 2.0 * bar("suspicious"));
}

#[test]
fn segments_of_reasons_are_as_wide_as_their_shares() {
    let shares = [("a<b", 0.5), ("c", 0.25), ("d", f64::NAN), ("e", 0.1)];
    let shares: Vec<Reason> =
        shares.map(|(feature, share)| Reason { feature: feature.to_owned(), share }).into();
    let svg = reasons(&shares);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let bars: Vec<f64> =
        elements(&document, "rect", "suspicious").iter().map(|bar| number(bar, "width")).collect();
    assert_eq!(bars, [59.0, 29.0]);
    assert!(svg.contains("<title>a&lt;b 50 %</title>"));
    check(&reasons(&[]));
}

#[test]
fn values_beyond_the_whiskers_are_arrows_at_the_ends() {
    let group = FeatureGroup {
        quantiles: vec![0.0, 1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 90.0, 100.0],
        ..FeatureGroup::default()
    };
    let within = quartiles(Some(30.0), &group);
    check(&within);
    let document = Document::parse(&within).unwrap();
    assert_eq!(number(&elements(&document, "circle", "suspicious")[0], "cx"), 80.0);
    for (value, start) in [(60.0, "M159 "), (-5.0, "M1 ")] {
        let svg = quartiles(Some(value), &group);
        check(&svg);
        let document = Document::parse(&svg).unwrap();
        assert!(elements(&document, "circle", "").is_empty());
        assert!(
            elements(&document, "path", "suspicious")[0].attribute("d").unwrap().starts_with(start)
        );
    }
    check(&quartiles(None, &FeatureGroup::default()));
}

#[test]
fn quartiles_of_some_rows_are_above_those_of_all() {
    let group = FeatureGroup {
        quantiles: vec![0.0, 1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 90.0, 100.0],
        ..FeatureGroup::default()
    };
    let svg = two_quartiles([40.0, 45.0, 90.0], &group);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let bar = |class| {
        let bar = elements(&document, "rect", class)[0];
        [number(&bar, "x"), number(&bar, "width"), number(&bar, "y")]
    };
    // From 10 to 90 over 152 units.
    let ([own, own_width, above], [all, all_width, below]) = (bar("suspicious"), bar("normal"));
    assert_eq!((own, own_width, all, all_width), (61.0, 95.0, 23.0, 38.0));
    assert!(above < below);
    assert!(
        svg.contains("Its rows: half have 40 to 90, median 45. All rows: 20 to 40, median 30.")
    );
    check(&two_quartiles([1.0, 1.0, 1.0], &FeatureGroup::default()));
}

#[test]
fn the_best_silhouette_is_marked() {
    let clusterings: Vec<Clustering> = [(2, Some(0.3)), (3, Some(0.5)), (4, None), (5, Some(-0.1))]
        .map(|(k, silhouette)| Clustering { k, silhouette, ..Clustering::default() })
        .into();
    let svg = silhouettes(&clusterings);
    check(&svg);
    let document = Document::parse(&svg).unwrap();
    let best = elements(&document, "rect", "positive");
    assert_eq!(best.len(), 1);
    assert_eq!(best[0].parent().unwrap().attribute("data-k"), Some("3"));
    assert_eq!(elements(&document, "rect", "normal").len(), 2);
}

#[test]
fn charts_without_data_have_a_placeholder() {
    let empty = ScoreHistogram { edges: vec![], normal: vec![], suspicious: vec![], cut: None };
    for svg in [
        map(&[], None, None),
        dendrogram(&Dendrogram::default(), &[], None, &[]),
        heatmap(&Heatmap::default()),
        scores(&empty),
        density(&FeatureSummary::default()),
        contributions(&[]),
        correlations(&[], &[]),
        silhouettes(&[]),
    ] {
        check(&svg);
        assert!(svg.contains("Nothing to draw"), "{svg}");
    }
}
