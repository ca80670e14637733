//! The status page: one self-contained document that a browser fetches anew every few seconds.

use assay_wire::NodeStatus;

use super::Ready;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884}\
td.n{text-align:right;font-variant-numeric:tabular-nums}\
.ok{color:#1a7f37}.bad{color:#cf222e}.bar{width:8rem;accent-color:#0969da}\
footer{margin-top:2rem;opacity:.7;font-size:.9rem}";

/// The page. All text that is not this program's own is escaped.
pub(super) fn render(status: &NodeStatus, ready: &Ready) -> String {
    let mut page = String::with_capacity(4096);
    let (class, word) = if ready.ok { ("ok", "ready") } else { ("bad", "not ready") };
    page.push_str(&format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Assay: {word}</title><style>{STYLE}</style></head>\
         <body><h1>Assay node <span class=\"{class}\">{word}</span></h1><table>"
    ));
    let self_test = match ready.self_test_age {
        Some(age) => format!("passed {:.1} s ago", age.as_secs_f64()),
        None => "not yet passed".to_owned(),
    };
    let zone = if status.zone.is_empty() { "unsaid" } else { &status.zone };
    let facts = [
        ("Version", status.version.clone()),
        ("State", status.state.clone()),
        ("Zone", zone.to_owned()),
        ("Up for", duration(status.uptime_s)),
        ("Self-test", self_test),
    ];
    for (name, value) in facts {
        page.push_str(&format!("<tr><th>{name}</th><td>{}</td></tr>", escape(&value)));
    }
    page.push_str("</table>");
    if !ready.reasons.is_empty() {
        page.push_str("<h2>Amiss</h2><ul>");
        for reason in &ready.reasons {
            page.push_str(&format!("<li class=\"bad\">{}</li>", escape(reason)));
        }
        page.push_str("</ul>");
    }
    backends(&mut page, status);
    queues(&mut page, status);
    page.push_str(&format!(
        "<h2>Operations</h2><p>{}</p><footer>At most {} items and {} bytes a request. \
         <a href=\"/metrics\">metrics</a> <a href=\"/ready\">ready</a> <a href=\"/live\">live</a></footer></body></html>",
        escape(&status.operations.join(", ")),
        status.items_max,
        status.body_bytes_max
    ));
    page
}

fn backends(page: &mut String, status: &NodeStatus) {
    page.push_str("<h2>Backends</h2><table><tr><th>Name</th><th>Serves</th><th>Items</th><th>Note</th></tr>");
    for backend in &status.backends {
        // One that this machine never had is no cause for alarm; one that computed and stopped is.
        let (class, word) = match (backend.serving, backend.items) {
            (true, _) => ("ok", "yes"),
            (false, 0) => ("", "no"),
            (false, _) => ("bad", "no"),
        };
        page.push_str(&format!(
            "<tr><td>{}</td><td class=\"{class}\">{word}</td><td class=\"n\">{}</td><td>{}</td></tr>",
            escape(&backend.name),
            backend.items,
            escape(&backend.note)
        ));
    }
    page.push_str("</table>");
}

fn queues(page: &mut String, status: &NodeStatus) {
    page.push_str("<h2>Queues</h2><table><tr><th>Priority</th><th>Items</th><th>Limit</th><th></th></tr>");
    // The map's order is the alphabet's; people want the most urgent first.
    for priority in assay_scheme::Priority::ALL {
        let Some(queue) = status.queues.get(priority.name()) else { continue };
        page.push_str(&format!(
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td><progress class=\"bar\" max=\"{}\" value=\"{}\"></progress></td></tr>",
            priority.name(),
            queue.items,
            queue.limit,
            queue.limit.max(1),
            queue.items.min(queue.limit)
        ));
    }
    page.push_str("</table>");
}

fn duration(seconds: f64) -> String {
    // A negative or absurd number of seconds saturates.
    let seconds = seconds as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use assay_wire::node::{BackendReport, QueueReport};

    use super::*;

    #[test]
    fn the_page_says_what_is_amiss_and_escapes_it() {
        let mut status = NodeStatus { version: "1.2.3".into(), zone: "<hall>".into(), ..NodeStatus::default() };
        status.backends.push(BackendReport { name: "gpu".into(), serving: false, items: 7, note: "a & b".into() });
        status.queues.insert("bulk".into(), QueueReport { items: 5, limit: 10 });
        let ready = Ready { ok: false, reasons: vec!["the self-test is \"late\"".into()], self_test_age: None };
        let page = render(&status, &ready);
        for wanted in
            ["not ready", "&lt;hall&gt;", "a &amp; b", "the self-test is &quot;late&quot;", "max=\"10\" value=\"5\""]
        {
            assert!(page.contains(wanted), "{wanted}");
        }
        assert!(!page.contains("<hall>"));
        // Nothing is fetched from anywhere.
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    }

    #[test]
    fn ages_read_like_a_clock() {
        assert_eq!(duration(59.9), "0 min 59 s");
        assert_eq!(duration(3_700.0), "1 h 1 min");
        assert_eq!(duration(200_000.0), "2 d 7 h");
        assert_eq!(duration(-1.0), "0 min 0 s");
        let ready = Ready { ok: true, reasons: Vec::new(), self_test_age: Some(Duration::from_millis(1500)) };
        assert!(render(&NodeStatus::default(), &ready).contains("passed 1.5 s ago"));
    }
}
