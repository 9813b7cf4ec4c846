//! `/help`: what every route is for.
//!
//! Mirrors `3rdparty/libprocess/src/help.cpp`.

use crate::context::Context;
use crate::help::Found;
use crate::http::{Help, Request, Response};
use crate::id::ProcessId;
use crate::process::Process;
use crate::runtime::Runtime;

/// Renders headings, quotes, links and code of the Markdown it is given. Written for these pages only.
const PAGE: (&str, &str) = (
    concat!(
        "<html><head><title>Help</title><style>",
        "body{font-family:sans-serif;font-size:14px;line-height:1.6;padding:30px}",
        "blockquote{border-left:5px solid #ddd;padding:0 10px;color:#777;margin:0;white-space:pre}",
        "a{color:#08c;text-decoration:none}p{white-space:pre-wrap;margin:0}",
        "</style></head><body><script>const text="
    ),
    concat!(
        ";const links={};const lines=text.split('\\n').filter(l=>{",
        "const m=/^\\[([^\\]]+)\\]: (\\S+)$/.exec(l);if(m)links[m[1]]=m[2];return !m});",
        "const span=(parent,s)=>{for(;;){const m=/\\[([^\\]]+)\\]\\[([^\\]]+)\\]|`([^`]+)`/.exec(s);",
        "if(!m){parent.append(s);return}parent.append(s.slice(0,m.index));",
        "const e=document.createElement(m[3]?'code':'a');e.textContent=m[3]||m[1];",
        "if(!m[3]&&links[m[2]])e.href='/help/'+links[m[2]].replace(/^help\\//,'');",
        "parent.append(e);s=s.slice(m.index+m[0].length)}};",
        "for(const l of lines){const h=/^(#+) (.*?) *#*$/.exec(l);",
        "const e=document.createElement(h?'h'+h[1].length:l[0]=='>'?'blockquote':'p');",
        "span(e,h?h[2]:l[0]=='>'?l.slice(1).trim():l||'\\u00a0');document.body.append(e)}",
        "</script></body></html>"
    ),
);

/// Serves the help pages.
pub(super) struct HelpProcess;

impl Process for HelpProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("help")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        // Pages of actors come and go, so the lookup is done here and not by routes.
        ctx.route_below("/", Help::none(), |_, request, ctx| {
            answer(ctx.runtime(), &request).into()
        });
    }
}

fn answer(runtime: &Runtime, request: &Request) -> Response {
    let pages = runtime.help_pages();
    let mut tokens = request
        .path
        .split('/')
        .filter(|token| !token.is_empty())
        .skip(1);
    let id = tokens.next();
    let name = tokens.collect::<Vec<_>>().join("/");
    let (found, path) = match id {
        None if request.query.get("format") == Some("json") => {
            return Response::ok_json(pages.to_json().to_string(), None);
        }
        None => (Found::Page(pages.list()), String::new()),
        Some(id) if name.is_empty() => (pages.list_of(id), format!("/{id}")),
        Some(id) => (pages.page(id, &name), format!("/{id}/{name}")),
    };
    match found {
        Found::Unknown => Response::not_found(),
        Found::Nothing => Response::bad_request(format!("No help available for '{path}'.\n")),
        Found::Page(markdown) => show(request, markdown),
    }
}

fn show(request: &Request, markdown: String) -> Response {
    let agent = request.header("user-agent").unwrap_or_default();
    if agent.starts_with("curl") || agent.starts_with("HTTPie") {
        return Response::ok_text(markdown).with_header("content-type", "text/x-markdown");
    }
    // Within a script, `</` would end it.
    let text = serde_json::Value::String(markdown)
        .to_string()
        .replace("</", "<\\/");
    let page = format!("{}{text}{}", PAGE.0, PAGE.1);
    Response::ok_text(page).with_header("content-type", "text/html")
}
