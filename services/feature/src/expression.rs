//! SQL expressions over the columns of a row: parsed and validated once, evaluated by Polars.

mod rewrite;
mod validator;

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use anomal_core::proto::DataType;
use polars::prelude::{
    Column, DataFrame, DataType as Dtype, Expr, IntoColumn, IntoLazy, PolarsResult, Schema,
    polars_bail,
};
use sqlparser::{
    ast::visit_expressions, dialect::GenericDialect, parser::Parser, tokenizer::Token,
};

pub(crate) use self::validator::missing_column;
use self::{
    rewrite::{order_without_nan, rewrite},
    validator::Validator,
};

const VALUE: &str = "anomal.value";

/// A validated expression.
#[derive(Debug)]
pub struct Expression {
    expr: Expr,
    /// The columns that it reads, in the order of the text.
    pub(crate) columns: Vec<String>,
    /// Whether its value for a row depends on other rows.
    pub(crate) whole_table: bool,
}

impl Expression {
    /// Parses one expression over these columns.
    ///
    /// # Errors
    /// A message: a syntax error (with line and column), a subquery, an unknown name, and so on.
    pub fn parse(sql: &str, known: &[&str]) -> Result<Self, String> {
        let parser = Parser::new(&GenericDialect).try_with_sql(sql);
        let parser = parser.map_err(|error| format!("not valid SQL: {error}"))?;
        Self::from_parser(parser, known)
    }

    /// Parses the tokens of one expression.
    ///
    /// # Errors
    /// As [`Expression::parse`].
    pub(crate) fn from_tokens(tokens: Vec<Token>, known: &[&str]) -> Result<Self, String> {
        Self::from_parser(Parser::new(&GenericDialect).with_tokens(tokens), known)
    }

    fn from_parser(mut parser: Parser<'_>, known: &[&str]) -> Result<Self, String> {
        let mut ast =
            parser.parse_expr().map_err(|error| format!("not a valid SQL expression: {error}"))?;
        let rest = parser.peek_token();
        if rest.token != Token::EOF {
            return Err(format!(
                "unexpected `{}` after the expression at line {}, column {}; an expression is one value for each row",
                rest.token, rest.span.start.line, rest.span.start.column
            ));
        }
        rewrite(&mut ast, known);
        let mut validator = Validator::new(known);
        if let ControlFlow::Break(message) = visit_expressions(&ast, |expr| validator.visit(expr)) {
            return Err(message);
        }
        let expr = polars_sql::sql_expr(ast.to_string()).map_err(|error| error.to_string())?;
        let expr = order_without_nan(expr);
        Ok(Self { expr, columns: validator.columns, whole_table: validator.whole_table })
    }

    /// The type of its values over columns of these types.
    ///
    /// # Errors
    /// A message: it can't be computed, or its values are of a type that no column has.
    pub(crate) fn data_type(&self, schema: &Schema) -> Result<DataType, String> {
        let value = self.evaluate(&DataFrame::empty_with_schema(schema));
        let value = value.map_err(|error| format!("it can't be computed: {error}"))?;
        match value.dtype() {
            Dtype::Boolean => Ok(DataType::Boolean),
            Dtype::String => Ok(DataType::String),
            Dtype::Date | Dtype::Datetime(..) => Ok(DataType::Datetime),
            dtype if dtype.is_integer() => Ok(DataType::Integer),
            dtype if dtype.is_float() || matches!(dtype, Dtype::Null | Dtype::Duration(_)) => {
                Ok(DataType::Float)
            }
            other => Err(format!("its values are of type {other}, which no feature has; use CAST")),
        }
    }

    /// Its value for each row of a frame with its columns.
    pub(crate) fn evaluate(&self, frame: &DataFrame) -> PolarsResult<Column> {
        // Added to the columns, so that a constant gets their length.
        let with = self.series_only(frame)?.lazy().with_columns([self.expr.clone().alias(VALUE)]);
        // Polars panics for some types of arguments.
        let computed = catch_unwind(AssertUnwindSafe(|| with.collect())).unwrap_or_else(|panic| {
            let cause = panic.downcast_ref::<String>().map(String::as_str);
            let cause = cause.or_else(|| panic.downcast_ref::<&str>().copied());
            let cause = cause.unwrap_or("no cause");
            polars_bail!(ComputeError: "Polars does not support it ({cause}); CAST its parts to other types")
        });
        Ok(computed?.column(VALUE)?.slice(0, frame.height()))
    }

    /// The frame without columns that Polars stores as one value: constants, and all columns of a single row, which is
    /// repeated. Polars computes those with other functions, so that `x / 3` of a row would have other last bits in a
    /// batch of its own.
    fn series_only(&self, frame: &DataFrame) -> PolarsResult<DataFrame> {
        let repeat = frame.height() == 1 && !self.whole_table;
        let column = |column: &Column| {
            let series = column.as_materialized_series();
            if repeat { series.new_from_index(0, 2) } else { series.clone() }.into_column()
        };
        let height = if repeat { 2 } else { frame.height() };
        DataFrame::new(height, frame.columns().iter().map(column).collect())
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{NamedFrom, df};
    use proptest::prelude::*;

    use super::{
        validator::{ROW_WISE, WHOLE_TABLE},
        *,
    };

    const KNOWN: &[&str] = &["n", "m", "s", "net.bytes", "order", "t", "ok"];

    fn frame() -> DataFrame {
        let times = polars::prelude::Series::new("t".into(), [0_i64, 1, 2]).cast(
            &polars::prelude::DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None),
        );
        let mut frame = df!(
            "n" => [Some(1.5), None, Some(-3.0)], "m" => [1_i64, 2, 3], "s" => ["ab", "Bc", "äx"],
            "net.bytes" => [10_i64, 20, 30], "order" => [3_i64, 2, 1], "ok" => [true, false, true]
        )
        .unwrap();
        frame.with_column(times.unwrap().into()).unwrap();
        frame
    }

    fn value(sql: &str) -> String {
        let expression =
            Expression::parse(sql, KNOWN).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let column = expression.evaluate(&frame()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(column.len(), 3, "{sql}");
        let cells: Vec<String> =
            column.as_materialized_series().iter().map(|value| value.to_string()).collect();
        cells.join(" ")
    }

    #[test]
    fn columns_with_dots_and_words_of_sql() {
        assert_eq!(value("net.bytes / (m + 1)"), "5.0 6.666667 7.5");
        assert_eq!(value("\"net.bytes\" > 10 AND s <> 'ab'"), "false true true");
        assert_eq!(value("order + 1"), "4 3 2");
        assert_eq!(value("1"), "1 1 1");
        assert_eq!(value("CASE WHEN n IS NULL THEN 0 ELSE n END"), "1.5 0.0 -3.0");
        assert_eq!(value("CAST(m AS DOUBLE) / 2"), "0.5 1.0 1.5");
    }

    #[test]
    fn every_function_that_is_allowed_can_be_run() {
        let arguments = |name: &str| match name {
            "concat" | "nullif" | "coalesce" | "ifnull" => "s, s".to_owned(),
            "concat_ws" => "'-', s, s".into(),
            "date_part" => "'hour', t".into(),
            "ends_with" | "starts_with" | "strpos" | "regexp_like" => "s, 'a'".into(),
            "left" | "right" | "substr" => "s, 1".into(),
            "replace" => "s, 'a', 'b'".into(),
            "if" => "ok, m, 0".into(),
            "length" | "char_length" | "character_length" | "lower" | "upper" | "ltrim"
            | "rtrim" | "octet_length" => "s".into(),
            "greatest" | "least" | "div" | "mod" | "pow" | "power" => "m, 2".into(),
            "log" => "n, 2".into(),
            _ => "n".into(),
        };
        for name in ROW_WISE {
            let sql = format!("{name}({})", arguments(name));
            let expression =
                Expression::parse(&sql, KNOWN).unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert!(!expression.whole_table, "{sql}");
            value(&sql);
        }
        for name in WHOLE_TABLE {
            let sql = match *name {
                "dense_rank" | "rank" | "row_number" => format!("{name}() OVER (ORDER BY m)"),
                "quantile_cont" | "quantile_disc" => format!("{name}(n, 0.5)"),
                "first_value" | "last_value" | "lag" | "lead" => {
                    format!("{name}(m) OVER (ORDER BY m)")
                }
                _ => format!("{name}(n)"),
            };
            assert!(Expression::parse(&sql, KNOWN).unwrap().whole_table, "{sql}");
            value(&sql);
        }
        assert_eq!(value("AVG(m) OVER (PARTITION BY ok)"), "2.0 2.0 2.0");
    }

    #[test]
    fn a_text_is_what_is_between_its_quotes() {
        for text in ["''", "a''b", "\\'", "\\' OR 1 = 1", "$t$''", "it's", "\\", "\\''$t$$tt$"] {
            let quoted = text.replace('\'', "''");
            let sql = format!("CONCAT('{quoted}', s)");
            let expression =
                Expression::parse(&sql, KNOWN).unwrap_or_else(|error| panic!("{sql}: {error}"));
            let column =
                expression.evaluate(&frame()).unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_eq!(column.str().unwrap().get(0), Some(format!("{text}ab").as_str()), "{sql}");
        }
    }

    #[test]
    fn integers_do_not_wrap_around() {
        assert_eq!(value("length(s) - 10"), "-8 -8 -8");
        assert_eq!(value("strpos(s, 'b') - 3"), "-1 -3 -3");
        assert_eq!(value("octet_length(s) * 3000000000"), "6000000000 6000000000 9000000000");
        assert_eq!(value("date_part('year', t) * 10000000"), "19700000000 19700000000 19700000000");
        assert_eq!(value("(EXTRACT(hour FROM t) + 59) * 10"), "590 590 590");
        assert_eq!(value("CAST(m AS SMALLINT) * 100000"), "100000 200000 300000");
        assert_eq!(value("count(*) - 4"), "-1 -1 -1");
        assert_eq!(value("rank() OVER (ORDER BY m) - 4"), "-3 -2 -1");
        assert_eq!(value("log1p(date_part('month', t)) > 0"), "true true true");
    }

    #[test]
    fn the_least_is_no_nan_with_and_without_missing_values() {
        assert_eq!(value("least(m, sqrt(n))"), "1.0 2.0 3.0");
        let numbers = df!("m" => [1.0, 2.0], "n" => [-1.0, -4.0]).unwrap();
        let parse = |sql: &str| Expression::parse(sql, &["m", "n"]).unwrap();
        for (sql, expected) in
            [("least(m, sqrt(n))", [1.0, 2.0]), ("greatest(sqrt(n), m)", [1.0, 2.0])]
        {
            let values = parse(sql).evaluate(&numbers).unwrap();
            assert!(values.f64().unwrap().into_no_null_iter().eq(expected), "{sql}");
        }
        assert!(value("greatest(s, 'b')").contains("äx"));
    }

    #[test]
    fn a_row_alone_has_the_value_that_it_has_among_others() {
        let frame = df!("n" => (0..200).map(f64::from).collect::<Vec<_>>()).unwrap();
        for sql in ["n / 3", "n % 0.7", "- n", "0 - n", "n / 7 / 3 + 1"] {
            let expression = Expression::parse(sql, &["n"]).unwrap();
            let all = expression.evaluate(&frame).unwrap();
            for row in 0..200 {
                let alone = expression.evaluate(&frame.slice(row, 1)).unwrap();
                assert_eq!(alone.len(), 1, "{sql}");
                let bits =
                    |column: &Column, row: usize| column.f64().unwrap().get(row).map(f64::to_bits);
                let place = usize::try_from(row).unwrap();
                assert_eq!(bits(&alone, 0), bits(&all, place), "{sql} of {row}");
            }
        }
    }

    #[test]
    fn rejects_what_is_not_a_value_of_the_row() {
        let reject =
            |sql: &str| Expression::parse(sql, KNOWN).err().unwrap_or_else(|| panic!("{sql}"));
        for (sql, part) in [
            ("(SELECT 1)", "subquery"),
            ("n IN (SELECT m FROM t)", "subquery"),
            ("EXISTS (SELECT 1)", "subquery"),
            ("n AS x", "unexpected"),
            ("n, m", "unexpected"),
            ("n; DROP TABLE x", "unexpected"),
            ("read_csv('/etc/passwd')", "not allowed"),
            ("UNNEST(s)", "not allowed"),
            ("COLUMNS('.*')", "not allowed"),
            ("sum(*)", "not allowed"),
            ("[1, 2]", "not allowed"),
            ("s COLLATE \"de\"", "not allowed"),
            ("(n, m)", "not allowed"),
            ("replace(s, 'a', s)", "in quotes"),
            ("replace(s, 'a', upper(s))", "in quotes"),
            ("repeat(s, 9)", "not allowed"),
            (
                "replace(replace(s, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'), 'a', \
                 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')",
                "times as long",
            ),
            ("net.byte", "did you mean `net.bytes`?"),
            ("n +", "not a valid SQL expression"),
            ("", "not a valid SQL expression"),
            ("'unclosed", "not valid SQL"),
        ] {
            assert!(reject(sql).contains(part), "{sql}: {}", reject(sql));
        }
    }

    #[test]
    fn a_sum_has_the_same_bits_on_any_number_of_threads() {
        let mut seed = 1_u64;
        let values: Vec<f64> = (0..250_000)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 20) as f64 / 3.0
            })
            .collect();
        let column = Column::new("n".into(), &values);
        let frame = DataFrame::new(values.len(), vec![column]).unwrap();
        let sum = |sql| {
            let summed = Expression::parse(sql, &["n"]).unwrap().evaluate(&frame).unwrap();
            assert_eq!(summed.len(), values.len());
            summed.f64().unwrap().get(7).unwrap()
        };
        let plain = sum("SUM(n)");
        assert_eq!(plain.to_bits(), sum("SUM(n) OVER (PARTITION BY n IS NULL)").to_bits());
        assert!((plain / values.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(sum("n / sum(n)") < 1.0);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(sql in "[nms()+*/<>=,.'\" A-Z0-9]{0,60}") {
            if let Ok(expression) = Expression::parse(&sql, KNOWN) {
                let _ = expression.evaluate(&frame());
            }
        }
    }
}
