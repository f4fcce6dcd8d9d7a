//! Draws the flame graph. Each frame is a rectangle below the frame that called it. The width of
//! the rectangle is the frame's share of the samples.
//!
//! The outermost frames, which are the widest, are at the top. Some stacks do not fit on a screen,
//! so users see the widest frames first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::profile::{Profile, Side};

/// The height of a row, in pixels.
const ROW: usize = 18;
/// The height of the line above the graph, in pixels.
const HEADING: usize = 28;
/// The minimum share of the samples that a frame needs to be drawn. A frame with a smaller share
/// would be narrower than a pixel.
const SMALLEST: f64 = 0.001;
/// The minimum share of the samples that a frame needs to have room for text.
const SMALLEST_WITH_TEXT: f64 = 0.01;

const STYLE: &str = "\
svg { --ground: #fff; --ink: #1b1f24; --user: #ffc37d; --kernel: #9ecbff; --process: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #0f1419; --ink: #e6edf3; --user: #7d4a12; --kernel: #1f4c7a; --process: #343d47; }
}
text { font: 12px ui-monospace, monospace; fill: var(--ink); }
rect { fill: var(--ground); }
.user { fill: var(--user); } .kernel { fill: var(--kernel); } .process { fill: var(--process); }
.frame { stroke: var(--ground); }
svg:hover > .frame { stroke: var(--ink); }
";

/// Draws a profile as an SVG without scripts. The colours are light or dark, according to the
/// viewer's preference.
///
/// The positions are percentages, so the picture adapts to the width of the window. The text has a
/// fixed size. Each frame has a title that contains the number of samples. Viewers show this title
/// when the mouse pointer is over the frame.
#[must_use]
pub fn flame_graph(profile: &Profile) -> String {
    let root = Node::of(profile);
    let rows = root.rows();
    let mut drawing = Drawing { svg: String::new(), rows, all: root.samples };
    drawing.head(profile);
    if root.samples > 0 {
        drawing.frame((None, "all"), &root, 0, 0);
    }
    drawing.svg.push_str("</svg>\n");
    drawing.svg
}

/// The text of a rectangle. It is either the name of a function and its side, or the name of a
/// process.
type Name<'p> = (Option<Side>, &'p str);

/// The samples of a frame, and the frames that it called.
#[derive(Default)]
struct Node<'p> {
    samples: u64,
    called: BTreeMap<Name<'p>, Node<'p>>,
}

impl<'p> Node<'p> {
    fn of(profile: &'p Profile) -> Self {
        let mut root = Self::default();
        for stack in &profile.stacks {
            root.samples += stack.samples();
            let mut node = &mut root;
            let frames = stack.frames.iter().map(|frame| (Some(frame.side), frame.name.as_str()));
            for frame in std::iter::once((None, stack.command.as_str())).chain(frames) {
                node = node.called.entry(frame).or_default();
                node.samples += stack.samples();
            }
        }
        root
    }

    /// Returns the number of rows that this frame and the frames that it called need.
    fn rows(&self) -> usize {
        1 + self.called.values().map(Self::rows).max().unwrap_or(0)
    }
}

struct Drawing {
    svg: String,
    rows: usize,
    /// The number of all samples.
    all: u64,
}

impl Drawing {
    /// Writes the part above the frames: the colours, and the number of samples.
    fn head(&mut self, profile: &Profile) {
        let height = HEADING + self.rows * ROW;
        let lost =
            if profile.lost > 0 { format!(", {} lost", profile.lost) } else { String::new() };
        let _ = write!(
            self.svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{height}\">\n\
             <style>\n{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\"/>\n\
             <rect class=\"user\" x=\"4\" y=\"8\" width=\"12\" height=\"12\"/>\n\
             <text x=\"22\" y=\"18\">processes</text>\n\
             <rect class=\"kernel\" x=\"100\" y=\"8\" width=\"12\" height=\"12\"/>\n\
             <text x=\"118\" y=\"18\">kernel</text>\n\
             <text x=\"184\" y=\"18\">{} samples{lost}</text>\n",
            self.all
        );
    }

    /// Draws a frame and the frames that it called. `before` is the number of samples to the left
    /// of the frame. `row` is the number of the row, counted from 0 at the top.
    fn frame(&mut self, (side, name): Name<'_>, node: &Node<'_>, before: u64, row: usize) {
        let share = ratio(node.samples, self.all);
        if share < SMALLEST {
            return;
        }
        let class = match side {
            None => "process",
            Some(Side::User) => "user",
            Some(Side::Kernel) => "kernel",
        };
        // The outline of a narrow frame would cover the frame.
        let has_text = share >= SMALLEST_WITH_TEXT;
        let frame = if has_text { "frame " } else { "" };
        let (name, left, width) = (escaped(name), 100.0 * ratio(before, self.all), 100.0 * share);
        let _ = write!(
            self.svg,
            "<svg x=\"{left:.3}%\" y=\"{}\" width=\"{width:.3}%\" height=\"{ROW}\">\
             <title>{name}: {} samples, {width:.1} %</title>\
             <rect class=\"{frame}{class}\" width=\"100%\" height=\"100%\" rx=\"2\"/>",
            HEADING + row * ROW,
            node.samples
        );
        if has_text {
            let _ = write!(self.svg, "<text x=\"3\" y=\"13\">{name}</text>");
        }
        self.svg.push_str("</svg>\n");
        let mut before = before;
        for (name, called) in &node.called {
            self.frame(*name, called, before, row + 1);
            before += called.samples;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a picture needs no more precision")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// Escapes text for XML. A process chooses its own name, which may contain any character.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Frame, Stack};

    fn stack(command: &str, frames: &[(&str, Side)], samples: u64) -> Stack {
        let frame = |(name, side): &(&str, Side)| Frame {
            name: String::from(*name),
            side: *side,
            address: 1,
        };
        let frames = frames.iter().map(frame).collect();
        Stack { process: 1, command: command.to_owned(), frames, counts: vec![samples] }
    }

    /// Returns the line of the picture that contains the frame with this name.
    fn line<'s>(svg: &'s str, name: &str) -> &'s str {
        svg.lines()
            .find(|line| line.contains(&format!("<title>{name}: ")))
            .expect("the frame is drawn")
    }

    #[test]
    fn a_frame_is_as_wide_as_its_share_and_below_its_caller() {
        let main = ("main", Side::User);
        let svg = flame_graph(&Profile {
            stacks: vec![
                stack("sort", &[main, ("compare", Side::User)], 60),
                stack("sort", &[main, ("read", Side::Kernel)], 20),
                stack("zip", &[], 20),
            ],
            lost: 3,
        });
        assert!(svg.contains(">100 samples, 3 lost<"), "{svg}");
        let at = |name: &str, left: &str, y: usize, width: &str| {
            let place = format!("<svg x=\"{left}%\" y=\"{y}\" width=\"{width}%\" ");
            assert!(line(&svg, name).starts_with(&place), "{place}: {svg}");
        };
        at("all", "0.000", HEADING, "100.000");
        at("sort", "0.000", HEADING + ROW, "80.000");
        at("zip", "80.000", HEADING + ROW, "20.000");
        at("main", "0.000", HEADING + 2 * ROW, "80.000");
        at("compare", "0.000", HEADING + 3 * ROW, "60.000");
        at("read", "60.000", HEADING + 3 * ROW, "20.000");
        assert!(line(&svg, "read").contains("frame kernel"), "{svg}");
        assert!(line(&svg, "main").contains("frame user"), "{svg}");
    }

    #[test]
    fn names_are_text() {
        let svg = flame_graph(&Profile { stacks: vec![stack("</svg>&\u{1b}", &[], 1)], lost: 0 });
        line(&svg, "&lt;/svg&gt;&amp;\u{fffd}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn a_profile_without_samples_is_a_picture() {
        let svg = flame_graph(&Profile::default());
        assert!(svg.contains(">0 samples<") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
