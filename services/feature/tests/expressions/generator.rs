//! SQL expressions that parse, over the grammar that expressions support. The tests and the fuzz target `expression` share
//! it.

use arbitrary::Unstructured;

/// The columns, with their types.
pub const NUMBERS: [&str; 2] = ["n", "x"];
pub const TEXT: &str = "s";
pub const TRUTH: &str = "ok";
pub const TIME: &str = "t";

/// Writes expressions from choices. Where these are used up, it writes columns.
pub struct Generator<'a, 'b> {
    pub choices: &'a mut Unstructured<'b>,
    /// Whether to use functions whose value depends on other rows.
    pub whole_table: bool,
}

impl Generator<'_, '_> {
    /// An expression of any type.
    pub fn expression(&mut self, depth: u32) -> String {
        match self.choose(8) {
            0..=2 => self.number(depth),
            3 | 4 => self.text(depth),
            5 | 6 => self.truth(depth),
            _ => self.time(depth),
        }
    }

    fn choose(&mut self, choices: usize) -> usize {
        self.choices.int_in_range(0..=choices - 1).unwrap_or(0)
    }

    fn one_of(&mut self, texts: &[&str]) -> String {
        texts[self.choose(texts.len())].to_owned()
    }

    fn number(&mut self, depth: u32) -> String {
        const LITERALS: &[&str] = &[
            "0",
            "1",
            "-1",
            "2.5",
            "0.1",
            "1e308",
            "-1e-308",
            "9223372036854775807",
            "9223372036854775808",
            "NULL",
        ];
        const FUNCTIONS: &[&str] = &[
            "abs", "ceil", "ceiling", "floor", "sqrt", "ln", "log10", "log1p", "log2", "exp",
            "sign", "round",
        ];
        const PAIRS: &[&str] = &[
            "pow", "power", "mod", "div", "log", "greatest", "least", "coalesce", "ifnull",
            "nullif",
        ];
        let Some(depth) = depth.checked_sub(1) else { return self.one_of(&NUMBERS) };
        let kinds = if self.whole_table { 15 } else { 13 };
        match self.choose(kinds) {
            0 => self.one_of(&NUMBERS),
            1 => self.one_of(LITERALS),
            2 | 3 => {
                let operator = self.one_of(&["+", "-", "*", "/", "%"]);
                format!("({} {operator} {})", self.number(depth), self.number(depth))
            }
            4 => format!("(- {})", self.number(depth)),
            5 => format!("{}({})", self.one_of(FUNCTIONS), self.number(depth)),
            6 => format!("{}({}, {})", self.one_of(PAIRS), self.number(depth), self.number(depth)),
            7 => {
                let function = self.one_of(&["length", "char_length", "octet_length"]);
                format!("{function}({})", self.text(depth))
            }
            8 => format!("strpos({}, {})", self.text(depth), self.text(depth)),
            9 => {
                let part = self
                    .one_of(&["year", "month", "day", "hour", "minute", "second", "dow", "doy"]);
                let time = self.time(depth);
                if self.choose(2) == 0 {
                    format!("date_part('{part}', {time})")
                } else {
                    format!("EXTRACT({part} FROM {time})")
                }
            }
            10 => {
                let cast = self.one_of(&["CAST", "TRY_CAST"]);
                let of = match self.choose(3) {
                    0 => self.number(depth),
                    1 => self.text(depth),
                    _ => self.truth(depth),
                };
                format!(
                    "{cast}({of} AS {})",
                    self.one_of(&["DOUBLE", "BIGINT", "INT", "SMALLINT", "FLOAT"])
                )
            }
            11 => self.case(depth, Self::number),
            12 => format!("round({}, {})", self.number(depth), self.choose(5)),
            13 => self.aggregate(depth),
            _ => self.position(depth),
        }
    }

    fn aggregate(&mut self, depth: u32) -> String {
        const FUNCTIONS: &[&str] = &[
            "avg",
            "count",
            "max",
            "median",
            "min",
            "stddev",
            "stddev_samp",
            "stdev",
            "sum",
            "var_samp",
            "variance",
        ];
        let aggregate = match self.choose(4) {
            0 => format!(
                "{}({}, 0.5)",
                self.one_of(&["quantile_cont", "quantile_disc"]),
                self.number(depth)
            ),
            1 => "count(*)".to_owned(),
            _ => format!("{}({})", self.one_of(FUNCTIONS), self.number(depth)),
        };
        match self.choose(3) {
            0 => aggregate,
            1 => format!("{aggregate} OVER (PARTITION BY {})", self.expression(depth)),
            _ => format!(
                "{aggregate} OVER (PARTITION BY {} ORDER BY {})",
                self.expression(depth),
                self.number(depth)
            ),
        }
    }

    fn position(&mut self, depth: u32) -> String {
        let function = match self.choose(2) {
            0 => format!("{}()", self.one_of(&["row_number", "rank", "dense_rank"])),
            _ => {
                let function = self.one_of(&["first_value", "last_value", "lag", "lead"]);
                format!("{function}({})", self.number(depth))
            }
        };
        let order = self.one_of(&["", " DESC"]);
        match self.choose(2) {
            0 => format!("{function} OVER (ORDER BY {}{order})", self.number(depth)),
            _ => format!(
                "{function} OVER (PARTITION BY {} ORDER BY {}{order})",
                self.text(depth),
                self.number(depth)
            ),
        }
    }

    fn case(&mut self, depth: u32, value: fn(&mut Self, u32) -> String) -> String {
        match self.choose(3) {
            0 => {
                let (condition, then) = (self.truth(depth), value(self, depth));
                format!("CASE WHEN {condition} THEN {then} END")
            }
            1 => {
                let (condition, then) = (self.truth(depth), value(self, depth));
                let (second, other) = (self.truth(depth), value(self, depth));
                let last = value(self, depth);
                format!(
                    "CASE WHEN {condition} THEN {then} WHEN {second} THEN {other} ELSE {last} END"
                )
            }
            _ => {
                let (condition, then) = (self.truth(depth), value(self, depth));
                format!("if({condition}, {then}, {})", value(self, depth))
            }
        }
    }

    fn text(&mut self, depth: u32) -> String {
        const LITERALS: &[&str] =
            &["''", "'a'", "'ä'''", "'1.5'", "'%_'", "'[('", "'2024-01-31'", "NULL"];
        let Some(depth) = depth.checked_sub(1) else { return TEXT.to_owned() };
        match self.choose(11) {
            0 | 1 => TEXT.to_owned(),
            2 => self.one_of(LITERALS),
            3 => {
                let function = self.one_of(&["upper", "lower", "ltrim", "rtrim"]);
                format!("{function}({})", self.text(depth))
            }
            4 => {
                let function = self.one_of(&["left", "right", "substr"]);
                format!(
                    "{function}({}, {})",
                    self.text(depth),
                    self.one_of(&["0", "1", "2", "-1", "n"])
                )
            }
            5 => format!(
                "replace({}, {}, {})",
                self.text(depth),
                self.text(depth),
                self.one_of(&["''", "'bc'"])
            ),
            6 => format!("({} || {})", self.text(depth), self.text(depth)),
            7 => format!("concat({}, {})", self.text(depth), self.text(depth)),
            8 => format!("concat_ws('-', {}, {})", self.text(depth), self.text(depth)),
            9 => format!("CAST({} AS VARCHAR)", self.number(depth)),
            _ => self.case(depth, Self::text),
        }
    }

    fn truth(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else { return TRUTH.to_owned() };
        let not = self.one_of(&["", "NOT "]);
        match self.choose(13) {
            0 => TRUTH.to_owned(),
            1 => self.one_of(&["TRUE", "FALSE", "NULL"]),
            2 | 3 => {
                let operator = self.one_of(&["=", "<>", "<", "<=", ">", ">="]);
                format!("({} {operator} {})", self.number(depth), self.number(depth))
            }
            4 => {
                let operator = self.one_of(&["=", "<>", "<", ">="]);
                format!("({} {operator} {})", self.text(depth), self.text(depth))
            }
            5 => format!(
                "({} {} {})",
                self.truth(depth),
                self.one_of(&["AND", "OR"]),
                self.truth(depth)
            ),
            6 => format!("(NOT {})", self.truth(depth)),
            7 => format!("({} IS {not}NULL)", self.expression(depth)),
            8 => format!(
                "({} {not}IN ({}, {}))",
                self.number(depth),
                self.number(depth),
                self.number(depth)
            ),
            9 => {
                let (value, low) = (self.number(depth), self.number(depth));
                format!("({value} {not}BETWEEN {low} AND {})", self.number(depth))
            }
            10 => {
                let operator = self.one_of(&["LIKE", "ILIKE", "RLIKE"]);
                format!(
                    "({} {not}{operator} {})",
                    self.text(depth),
                    self.one_of(&["'a%'", "'%_'", "'^a.*$'", "'('"])
                )
            }
            11 => {
                let function = self.one_of(&["starts_with", "ends_with", "regexp_like"]);
                format!(
                    "{function}({}, {})",
                    self.text(depth),
                    self.one_of(&["'a'", "'^[a-z]+$'", "'('", "s"])
                )
            }
            _ => self.case(depth, Self::truth),
        }
    }

    fn time(&mut self, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else { return TIME.to_owned() };
        match self.choose(6) {
            0 | 1 => TIME.to_owned(),
            2 => "TIMESTAMP '2024-02-29 23:59:59'".to_owned(),
            3 => {
                let operator = self.one_of(&["+", "-"]);
                let interval = self.one_of(&["1 hour", "2 days", "90 minutes", "1 month"]);
                format!("({} {operator} INTERVAL '{interval}')", self.time(depth))
            }
            4 => format!(
                "{}({} AS {})",
                self.one_of(&["CAST", "TRY_CAST"]),
                self.text(depth),
                self.one_of(&["TIMESTAMP", "DATE"])
            ),
            _ => self.case(depth, Self::time),
        }
    }
}
