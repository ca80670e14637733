//! A receipt as a page for people: one file of HTML without scripts, fonts or pictures from elsewhere, fit to print.

use std::fmt::Write as _;

use super::receipt::Receipt;

/// Documents drawn as tiles and listed one by one; what is wrong is listed always. Larger: browsers stutter.
const LISTED_MAX: usize = 5_000;

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Listed; nobody compared it.
    Listed,
    /// Its digest is the one listed.
    Same,
    /// It is not the one listed, and why.
    Changed(String),
    /// It is listed and was not there.
    Missing,
    /// It was there and is not listed.
    Unlisted,
    /// It could not be read or hashed, and why.
    NotRead(String),
}

impl Standing {
    /// The word for people and for JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Same => "same",
            Self::Changed(_) => "changed",
            Self::Missing => "missing",
            Self::Unlisted => "unlisted",
            Self::NotRead(_) => "not-read",
        }
    }

    /// Why, where there is more to say than the word.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Changed(why) | Self::NotRead(why) => why,
            _ => "",
        }
    }

    /// Whether it speaks against the documents.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        !matches!(self, Self::Listed | Self::Same)
    }
}

/// A document on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its size and digest, where they are known.
    pub known: Option<(u64, [u8; 32])>,
    /// What became of it.
    pub standing: Standing,
}

/// What the page says on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Headline {
    /// A receipt that was just made.
    Notarised,
    /// Documents, tree and signatures hold.
    Holds,
    /// Something does not, one sentence each.
    Fails(Vec<String>),
    /// Some questions have no answer, one sentence each.
    Open(Vec<String>),
}

const STYLE: &str = "\
:root{--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--ok:#1f8a4c;--bad:#c0332b;--open:#b7791f}\
*{box-sizing:border-box}body{margin:0;background:#f4f6f8;color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
main{max-width:1040px;margin:2rem auto;padding:0 1rem}\
header{color:#fff;border-radius:14px;padding:1.6rem 2rem;background:var(--ok)}\
header.bad{background:var(--bad)}header.open{background:var(--open)}\
h1{margin:0;font-size:1.7rem}header p{margin:.4rem 0 0;opacity:.95}\
section{background:#fff;border:1px solid var(--line);border-radius:14px;padding:1.2rem 1.6rem;margin-top:1rem}\
h2{margin:0 0 .8rem;font-size:1rem;color:var(--soft);font-weight:600}\
dl{display:grid;grid-template-columns:11rem 1fr;gap:.35rem 1rem;margin:0}dt{color:var(--soft)}dd{margin:0}\
code{font:12.5px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}\
.wall{display:grid;grid-template-columns:repeat(auto-fill,minmax(11px,1fr));gap:3px}\
.wall i{aspect-ratio:1;border-radius:2px;background:#9aa6b2}.wall .same{background:var(--ok)}.wall .wrong{background:var(--bad)}\
.key{margin:.8rem 0 0;color:var(--soft);font-size:.85rem}\
table{width:100%;border-collapse:collapse;font-size:.9rem}th{text-align:left;color:var(--soft);font-weight:600}\
td,th{padding:.3rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}td:nth-child(2){white-space:nowrap}\
tr.wrong td:last-child{color:var(--bad);font-weight:600}tr.same td:last-child{color:var(--ok)}\
@media print{body{background:#fff}main{margin:0}section,header{break-inside:avoid-page}}";

/// The page.
#[must_use]
pub fn page(receipt: &Receipt, headline: &Headline, rows: &[Row]) -> String {
    let mut out = String::with_capacity(8_192 + rows.len().min(LISTED_MAX) * 300);
    let (class, title, sentences): (_, _, &[String]) = match headline {
        Headline::Notarised => ("", "Notarised", &[]),
        Headline::Holds => ("", "The evidence holds", &[]),
        Headline::Fails(why) => ("bad", "The evidence does not hold", why),
        Headline::Open(why) => ("open", "Not all of it could be checked", why),
    };
    out.push_str("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    let _ =
        write!(out, "<title>{title}: {}</title><style>{STYLE}</style>\n<main>", escaped(&receipt.notary.business_id));
    let _ = write!(out, "<header class=\"{class}\"><h1>{title}</h1>");
    if sentences.is_empty() {
        let _ = write!(out, "<p>{}</p>", lead(receipt));
    }
    sentences.iter().for_each(|sentence| {
        let _ = write!(out, "<p>{}</p>", escaped(sentence));
    });
    out.push_str("</header>\n");
    facts(receipt, &mut out);
    wall(rows, &mut out);
    documents(rows, &mut out);
    out.push_str("</main></html>\n");
    out
}

fn lead(receipt: &Receipt) -> String {
    let documents = if receipt.count == 1 { "1 document".to_owned() } else { format!("{} documents", receipt.count) };
    format!("{documents}, signed {}", time(receipt.notary.time_ms))
}

fn facts(receipt: &Receipt, out: &mut String) {
    let notary = &receipt.notary;
    out.push_str("<section><h2>What the notary signed</h2><dl>");
    let coded = |text: &str| format!("<code>{}</code>", escaped(text));
    for (name, value) in [
        ("Account", escaped(&notary.account)),
        ("Business id", escaped(&notary.business_id)),
        ("Time", format!("{} <code>({} ms)</code>", time(notary.time_ms), notary.time_ms)),
        ("Documents", receipt.count.to_string()),
        ("Root", coded(&hex::encode(receipt.root.0))),
        ("Hash and tree", format!("{}, RFC 6962 tree", receipt.hash.name())),
        ("Signature", format!("{} {}", notary.scheme.name(), coded(&hex::encode(&notary.signature.0)))),
    ] {
        let _ = write!(out, "<dt>{name}</dt><dd>{value}</dd>");
    }
    out.push_str("</dl></section>\n");
}

/// A tile a document, so that one red among thousands is seen.
fn wall(rows: &[Row], out: &mut String) {
    out.push_str("<section><h2>Every document</h2><div class=\"wall\">");
    for row in rows.iter().take(LISTED_MAX) {
        let _ =
            write!(out, "<i class=\"{}\" title=\"{}: {}\"></i>", class(row), escaped(&row.name), row.standing.name());
    }
    out.push_str("</div><p class=\"key\">");
    if rows.len() > LISTED_MAX {
        let _ = write!(out, "The first {LISTED_MAX} of {}. ", rows.len());
    }
    out.push_str(
        "Green: the document is the one notarised. Red: it is not. Grey: listed, not compared.</p></section>\n",
    );
}

fn class(row: &Row) -> &'static str {
    match row.standing {
        Standing::Listed => "listed",
        Standing::Same => "same",
        _ => "wrong",
    }
}

/// What is wrong first, then the list.
fn documents(rows: &[Row], out: &mut String) {
    out.push_str("<section><h2>Documents</h2><table><tr><th>Name<th>Bytes<th>Digest<th>Standing</tr>\n");
    let wrong = rows.iter().filter(|row| row.standing.is_wrong());
    let right = rows.iter().filter(|row| !row.standing.is_wrong());
    for row in wrong.chain(right.take(LISTED_MAX)) {
        let (bytes, digest) =
            row.known.map_or_else(Default::default, |(bytes, digest)| (bytes.to_string(), hex::encode(digest)));
        let (word, why) = (row.standing.name(), row.standing.why());
        let standing = if why.is_empty() { word.to_owned() } else { format!("{word}: {}", escaped(why)) };
        let name = escaped(&row.name);
        let class = class(row);
        let _ =
            writeln!(out, "<tr class=\"{class}\"><td>{name}<td>{bytes}<td><code>{digest}</code><td>{standing}</tr>");
    }
    out.push_str("</table></section>\n");
}

/// Text inside elements and quoted attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Milliseconds since 1970 as a date and time in UTC (Hinnant, "chrono-compatible low-level date algorithms").
#[must_use]
pub fn time(ms: u64) -> String {
    let seconds = ms / 1_000;
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (1_700_000_000_123, "2023-11-14 22:13:20 UTC"),
            (4_102_444_799_000, "2099-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(time(ms), text);
        }
        assert!(time(u64::MAX).ends_with("UTC"));
    }

    #[test]
    fn strangers_names_stay_text() {
        assert_eq!(escaped("<i title=\"x\">&'"), "&lt;i title=&quot;x&quot;&gt;&amp;&#39;");
    }
}
