//! Content types of files by their extension.
//!
//! # Wire
//! The table is that of Mesos: `.js` is `application/x-javascript`, and `.json`, `.svg`, `.ico` have none.

/// The content type for a file name's extension (after the last dot, case counts).
pub(crate) fn content_type(file: &str) -> Option<&'static str> {
    let (_, extension) = file.rsplit_once('.')?;
    Some(match extension {
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "js" => "application/x-javascript",
        "txt" | "c" | "h" | "pl" | "bat" | "ksh" => "text/plain",
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "xml" | "xsl" | "rdf" | "wsdl" | "xpdl" => "text/xml",
        "py" => "text/x-python",
        "rtx" => "text/richtext",
        "sgm" | "sgml" => "text/x-sgml",
        "vcf" => "text/x-vcard",
        "png" => "image/png",
        "gif" => "image/gif",
        "jpg" | "jpeg" | "jpe" => "image/jpeg",
        "bmp" => "image/x-ms-bmp",
        "tif" | "tiff" => "image/tiff",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "tar" => "application/x-tar",
        "sh" => "application/x-sh",
        "csh" => "application/x-csh",
        "tex" => "application/x-tex",
        "ps" | "ai" | "eps" => "application/postscript",
        "doc" | "dot" | "wiz" => "application/msword",
        "xls" | "xlb" => "application/vnd.ms-excel",
        "ppt" | "ppa" | "pps" | "pot" | "pwz" => "application/vnd.ms-powerpoint",
        "swf" => "application/x-shockwave-flash",
        "bin" | "a" | "dll" | "exe" | "o" | "obj" | "so" => "application/octet-stream",
        "pyc" | "pyo" => "application/x-python-code",
        "mp3" | "mp2" => "audio/mpeg",
        "wav" => "audio/x-wav",
        "au" | "snd" => "audio/basic",
        "aif" | "aiff" | "aifc" => "audio/x-aiff",
        "mpeg" | "mpg" | "mpe" | "mpa" | "m1v" => "video/mpeg",
        "mov" | "qt" => "video/quicktime",
        "avi" => "video/x-msvideo",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_extension_decides_and_case_counts() {
        assert_eq!(content_type("a.tar.html"), Some("text/html"));
        assert_eq!(content_type("x.js"), Some("application/x-javascript"));
        assert_eq!(content_type("x.HTML"), None);
        assert_eq!(content_type("x.json"), None);
        assert_eq!(content_type("html"), None);
    }
}
