//! A word on a coloured background, within a line of text.

use std::rc::Rc;

use super::{
    super::design::style::{BADGE, WHITE},
    frame::{Colour, Frame, GlyphRun, Item},
    shape::Shaper,
    tags::Mark,
};

/// Background to the left and right of the word.
const INSET: f32 = 3.5;
/// Background above and below the word, not counted in the height of the line.
const OUTSET: f32 = 2.2;
const RADIUS: f32 = 2.0;

#[derive(Clone, Debug)]
pub struct Badge {
    runs: Rc<[Rc<GlyphRun>]>,
    ground: Colour,
}

impl Badge {
    pub fn new(word: &str, ground: Colour, shaper: &Shaper) -> Self {
        Self { runs: shaper.shape(word, BADGE, false), ground }
    }

    pub fn width(&self) -> f32 {
        self.runs.iter().map(|run| run.width).sum::<f32>() + 2.0 * INSET
    }

    pub fn ascent(&self) -> f32 {
        self.runs.iter().map(|run| run.cap_height()).fold(0.0, f32::max)
    }

    pub fn draw(&self, frame: &mut Frame, mut x: f32, baseline: f32, mark: Mark) {
        let height = self.ascent();
        let ground = Item::Rectangle {
            width: self.width(),
            height: height + 2.0 * OUTSET,
            radius: RADIUS,
            colour: self.ground,
        };
        frame.push(x, baseline - height - OUTSET, ground, Mark::Layout);
        x += INSET;
        for run in &*self.runs {
            frame.push(x, baseline, Item::Glyphs { run: Rc::clone(run), colour: WHITE }, mark);
            x += run.width;
        }
    }
}
