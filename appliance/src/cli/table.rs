//! Rows of words to aligned columns, for people.

/// Aligns columns: the first to the left, numbers (a digit first) to the right. Two spaces stand between columns.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head = head.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let width = |column: usize| {
        rows.iter().chain([&head]).filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let numbers: Vec<_> = (0..head.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            column > 0 && cells.clone().count() > 0 && cells.clone().all(|cell| starts_with_digit(cell))
        })
        .collect();
    let mut text = String::new();
    for row in [&head].into_iter().chain(rows) {
        let cells =
            row.iter().zip(&widths).zip(&numbers).map(|((cell, width), number)| {
                if *number { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn starts_with_digit(cell: &str) -> bool {
    cell == "-" || cell.starts_with(|first: char| first.is_ascii_digit())
}

/// A whole number with commas between its thousands.
#[must_use]
pub fn commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_numbers_stand_right() {
        let rows = vec![vec!["a".to_owned(), "1,000".to_owned()], vec!["long".to_owned(), "7".to_owned()]];
        assert_eq!(table(&["name", "rate"], &rows), "name   rate\na     1,000\nlong      7\n");
    }

    #[test]
    fn thousands_have_commas() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(commas(number), text);
        }
    }
}
