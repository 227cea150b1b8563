//! What expressions may contain.

use std::ops::ControlFlow;

use anomal_spec::{nearest, suggestion};
use sqlparser::ast::{Expr as Sql, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

/// Functions whose value for a row depends on that row only (a test evaluates each).
pub const ROW_WISE: &[&str] = &[
    "abs",
    "ceil",
    "ceiling",
    "coalesce",
    "concat",
    "concat_ws",
    "date_part",
    "div",
    "ends_with",
    "exp",
    "floor",
    "greatest",
    "if",
    "ifnull",
    "least",
    "left",
    "length",
    "char_length",
    "character_length",
    "ln",
    "log",
    "log10",
    "log1p",
    "log2",
    "lower",
    "ltrim",
    "mod",
    "nullif",
    "octet_length",
    "pow",
    "power",
    "regexp_like",
    "replace",
    "right",
    "round",
    "rtrim",
    "sign",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "upper",
];

/// Aggregate and window functions.
pub const WHOLE_TABLE: &[&str] = &[
    "avg",
    "count",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "max",
    "median",
    "min",
    "quantile_cont",
    "quantile_disc",
    "rank",
    "row_number",
    "stddev",
    "stddev_samp",
    "stdev",
    "sum",
    "var_samp",
    "variance",
];

/// Bounds the memory that nested replacements can use.
const MAX_GROWTH: usize = 4_096;

/// Checks each part of a parsed expression, and collects the columns that it reads.
pub struct Validator<'a> {
    known: &'a [&'a str],
    /// The columns that the expression reads, in the order of the text.
    pub columns: Vec<String>,
    /// Whether its value for a row depends on other rows.
    pub whole_table: bool,
    /// The factor by which replacements can lengthen a text.
    growth: usize,
}

impl<'a> Validator<'a> {
    /// Allows these columns.
    pub fn new(known: &'a [&'a str]) -> Self {
        Self { known, columns: Vec::new(), whole_table: false, growth: 1 }
    }

    /// # Errors
    /// Breaks with a message for a part that is not allowed.
    pub fn visit(&mut self, expr: &Sql) -> ControlFlow<String> {
        match expr {
            Sql::Identifier(name) => self.column(&name.value),
            Sql::CompoundIdentifier(parts) => {
                let name =
                    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                self.column(&name)
            }
            Sql::Function(function) => self.function(function),
            Sql::Subquery(_)
            | Sql::Exists { .. }
            | Sql::InSubquery { .. }
            | Sql::InUnnest { .. } => ControlFlow::Break(
                "a subquery is not allowed: an expression reads the columns of its row only"
                    .to_owned(),
            ),
            Sql::AnyOp { .. } | Sql::AllOp { .. } => {
                ControlFlow::Break("ANY and ALL are not allowed; use IN with a list".to_owned())
            }
            Sql::Wildcard(_) | Sql::QualifiedWildcard(..) => {
                ControlFlow::Break("`*` is not allowed: an expression is one value".to_owned())
            }
            Sql::IsFalse(_)
            | Sql::IsNotFalse(_)
            | Sql::IsTrue(_)
            | Sql::IsNotTrue(_)
            | Sql::IsNull(_)
            | Sql::IsNotNull(_)
            | Sql::IsDistinctFrom(..)
            | Sql::IsNotDistinctFrom(..)
            | Sql::InList { .. }
            | Sql::Between { .. }
            | Sql::BinaryOp { .. }
            | Sql::UnaryOp { .. }
            | Sql::Like { .. }
            | Sql::ILike { .. }
            | Sql::RLike { .. }
            | Sql::Cast { .. }
            | Sql::Extract { .. }
            | Sql::Ceil { .. }
            | Sql::Floor { .. }
            | Sql::Position { .. }
            | Sql::Substring { .. }
            | Sql::Trim { .. }
            | Sql::Nested(_)
            | Sql::Value(_)
            | Sql::TypedString(_)
            | Sql::Interval(_)
            | Sql::Case { .. } => ControlFlow::Continue(()),
            other => ControlFlow::Break(format!("`{other}` is not allowed in an expression")),
        }
    }

    fn column(&mut self, name: &str) -> ControlFlow<String> {
        if !self.known.contains(&name) {
            return ControlFlow::Break(missing_column(name, self.known));
        }
        if !self.columns.iter().any(|column| column == name) {
            self.columns.push(name.to_owned());
        }
        ControlFlow::Continue(())
    }

    fn function(&mut self, function: &Function) -> ControlFlow<String> {
        let name = function.name.to_string().to_lowercase();
        let whole = WHOLE_TABLE.contains(&name.as_str());
        if !whole && !ROW_WISE.contains(&name.as_str()) {
            let hint = suggestion(&name, ROW_WISE.iter().chain(WHOLE_TABLE).copied());
            return ControlFlow::Break(format!("the function `{name}` is not allowed; {hint}"));
        }
        if let FunctionArguments::Subquery(_) = function.args {
            return ControlFlow::Break(
                "a subquery is not allowed: an expression reads the columns of its row only"
                    .to_owned(),
            );
        }
        if let FunctionArguments::List(list) = &function.args {
            let wildcard = |argument: &FunctionArg| {
                matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Wildcard))
            };
            if name != "count" && list.args.iter().any(wildcard) {
                return ControlFlow::Break(format!("{name}(*) is not allowed: name a column"));
            }
            if name == "replace" {
                self.grow(list.args.get(2))?;
            }
        }
        self.whole_table |= whole || function.over.is_some();
        ControlFlow::Continue(())
    }

    /// Bounds the growth of a text by a replacement.
    fn grow(&mut self, replacement: Option<&FunctionArg>) -> ControlFlow<String> {
        let text = match replacement {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Sql::Value(value)))) => {
                value.clone().into_string()
            }
            _ => None,
        };
        let Some(text) = text else {
            return ControlFlow::Break(
                "the replacement of `replace` must be a text in quotes".to_owned(),
            );
        };
        self.growth = self.growth.saturating_mul(text.len().max(1));
        if self.growth > MAX_GROWTH {
            let message =
                format!("its replacements could make a text more than {MAX_GROWTH} times as long");
            return ControlFlow::Break(message);
        }
        ControlFlow::Continue(())
    }
}

/// The message for a missing column: with the nearest name, then all.
pub fn missing_column(name: &str, known: &[&str]) -> String {
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? There are "),
        None => "there are ".to_owned(),
    };
    const MAX_LISTED: usize = 40;
    let mut all = known.iter().take(MAX_LISTED).copied().collect::<Vec<_>>().join(", ");
    if known.len() > MAX_LISTED {
        all.extend([" and ", &(known.len() - MAX_LISTED).to_string(), " more"]);
    }
    format!("there is no column `{name}`; {hint}{all}")
}
