//! The HTTP side of offered files.

use std::path::Path;

use libprocess::http::{Help, Request, Response};
use libprocess::{Context, Future, Outcome};
use mesos_proto::{Dialect, json::JsonWriter, v1};

use super::{FilesError, FilesProcess};
use crate::files::resolve::{list, read_part};

type Handler = fn(&mut FilesProcess, &Request, &mut Context<FilesProcess>) -> Future<Response>;

const PATH_MISSING: &str = "Expecting 'path=value' in query.\n";

impl FilesProcess {
    pub(super) fn install_routes(&self, ctx: &mut Context<Self>) {
        let routes: [(&str, &str, Handler); 4] = [
            (
                "/browse",
                "Returns a file listing for a directory.",
                Self::browse,
            ),
            ("/read", "Reads data from a file.", Self::read),
            (
                "/download",
                "Returns the raw file contents for a given path.",
                Self::download,
            ),
            (
                "/debug",
                "Returns the internal virtual path mapping.",
                Self::debug,
            ),
        ];
        for (path, tldr, handler) in routes {
            let help = Help::new(tldr, &[]);
            match &self.realm {
                Some(realm) => ctx.route_in_realm(path, realm, help, move |files, request, ctx| {
                    handler(files, &request, ctx)
                }),
                None => ctx.route(path, help, move |files, request, ctx| {
                    handler(files, &request, ctx)
                }),
            }
        }
    }

    fn browse(&mut self, request: &Request, ctx: &mut Context<Self>) -> Future<Response> {
        let Some(path) = path_of(request) else {
            return Response::bad_request(PATH_MISSING).into();
        };
        let jsonp = request.query.get("jsonp").map(str::to_owned);
        let shown = path.clone();
        self.with_path(&path, request.principal.as_ref(), ctx, move |real| {
            Ok(list(&real, &shown))
        })
        .chain(move |outcome| {
            answer(outcome, |members| {
                let mut json = JsonWriter::new(Dialect::V0);
                json.array(|json| members.iter().for_each(|file| write_file(json, file)));
                Response::ok_json(json.into_vec(), jsonp.as_deref())
            })
            .into()
        })
    }

    fn read(&mut self, request: &Request, ctx: &mut Context<Self>) -> Future<Response> {
        let Some(path) = path_of(request) else {
            return Response::bad_request(PATH_MISSING).into();
        };
        let (offset, length) = match (number(request, "offset"), number(request, "length")) {
            (Ok(offset), Ok(length)) => (offset, length),
            (Err(text), _) | (_, Err(text)) => return Response::bad_request(text).into(),
        };
        let jsonp = request.query.get("jsonp").map(str::to_owned);
        // Without an offset the answer tells the size.
        let (from, length) = offset.map_or((0, Some(0)), |offset| (offset, length));
        self.with_path(&path, request.principal.as_ref(), ctx, move |real| {
            read_part(&real, from, length)
        })
        .chain(move |outcome| {
            answer(outcome, |part| {
                let mut json = JsonWriter::new(Dialect::V0);
                json.object(|json| {
                    json.field("data", String::from_utf8_lossy(&part.data).as_ref());
                    json.field("offset", &offset.unwrap_or(part.size));
                });
                Response::ok_json(json.into_vec(), jsonp.as_deref())
            })
            .into()
        })
    }

    fn download(&mut self, request: &Request, ctx: &mut Context<Self>) -> Future<Response> {
        let Some(path) = path_of(request) else {
            return Response::bad_request(PATH_MISSING).into();
        };
        self.with_path(&path, request.principal.as_ref(), ctx, move |real| {
            if real.is_dir() {
                return Err(FilesError::Invalid(
                    "Cannot download a directory.\n".to_owned(),
                ));
            }
            Ok(real)
        })
        .chain(move |outcome| {
            answer(outcome, |real| {
                let name = real
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                Response::file(&real)
                    .with_header("content-type", content_type(&real))
                    .with_header(
                        "content-disposition",
                        format!("attachment; filename={name}"),
                    )
            })
            .into()
        })
    }

    fn debug(&mut self, request: &Request, _ctx: &mut Context<Self>) -> Future<Response> {
        let mut json = JsonWriter::new(Dialect::V0);
        json.object(|json| {
            for (name, attached) in &self.paths {
                json.field(name, attached.real.display().to_string().as_str());
            }
        });
        Response::ok_json(json.into_vec(), request.query.get("jsonp")).into()
    }
}

fn path_of(request: &Request) -> Option<String> {
    request
        .query
        .get("path")
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
}

/// A number of the query; minus one and nothing mean that there is none.
fn number(request: &Request, name: &str) -> Result<Option<u64>, String> {
    let Some(text) = request.query.get(name) else {
        return Ok(None);
    };
    match text.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(value) => u64::try_from(value)
            .map(Some)
            .map_err(|_negative| format!("Negative {name} provided: {value}.\n")),
        Err(_unreadable) => Err(format!(
            "Failed to parse {name}: Failed to convert '{text}' to number.\n"
        )),
    }
}

fn answer<T>(
    outcome: Outcome<Result<T, FilesError>>,
    write: impl FnOnce(T) -> Response,
) -> Response {
    match outcome {
        Outcome::Ready(Ok(value)) => write(value),
        Outcome::Ready(Err(FilesError::Invalid(text))) => Response::bad_request(text),
        Outcome::Ready(Err(FilesError::NotFound)) => Response::not_found_text(""),
        Outcome::Ready(Err(FilesError::Unauthorized)) => Response::forbidden(""),
        Outcome::Ready(Err(FilesError::Unknown(text))) | Outcome::Failed(text) => {
            Response::internal_server_error(text)
        }
        Outcome::Discarded | Outcome::Abandoned => Response::service_unavailable(""),
    }
}

fn write_file(json: &mut JsonWriter, file: &v1::FileInfo) {
    json.object(|json| {
        json.field("gid", file.gid());
        json.field("mode", mode_text(file.mode()).as_str());
        let seconds = std::time::Duration::from_nanos(
            u64::try_from(file.mtime().nanoseconds()).unwrap_or_default(),
        );
        json.field("mtime", &seconds.as_secs_f64());
        json.field("nlink", &file.nlink());
        json.field("path", file.path());
        json.field("size", &file.size());
        json.field("uid", file.uid());
    });
}

/// A file's mode as `ls -l` shows it.
fn mode_text(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o020_000 => 'c',
        0o060_000 => 'b',
        0o010_000 => 'p',
        0o140_000 => 's',
        _ => '-',
    };
    let mut text = String::from(kind);
    for shift in [6, 3, 0] {
        let bits = mode >> shift;
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            text.push(if bits & bit == 0 { '-' } else { letter });
        }
    }
    text
}

/// The media type that goes with a file name.
fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("txt" | "log") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("js") => "application/javascript",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("pdf") => "application/pdf",
        Some("gz") => "application/x-gzip",
        Some("tar") => "application/x-tar",
        Some("zip") => "application/zip",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_reads_like_a_listing() {
        assert_eq!(mode_text(0o040_755), "drwxr-xr-x");
        assert_eq!(mode_text(0o100_640), "-rw-r-----");
    }
}
