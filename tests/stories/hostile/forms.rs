//! Texts that try to be more than text. Each says `pwned` somewhere.

/// For GitHub's runner: its commands in every spelling, and ways to get one to the start of a line.
pub const COMMANDS: &[&str] = &[
    "::set-output name=migrated::pwned",
    "\t  ::save-state name=task_0::pwned",
    "::SET-OUTPUT name=image::pwned",
    "##[set-output name=image]pwned",
    "text ##[save-state name=task_0;x=y]pwned",
    "text ##[Add-Mask]pwned ##[add-mask]pwned",
    "progress 10%\r::save-state name=task_0::pwned",
    "progress 20%\r\n::add-mask::pwned",
    "progress 30%\n::add-mask::pwned",
    "::add-mask::pwned",
    "::stop-commands::pwned",
    "::pwned::",
    "::error file=Cargo.toml,line=1,title=pwned::pwned",
    "##[error]pwned",
    "::warning::pwned",
    "::notice::pwned",
    "::debug::pwned",
    "::group::pwned",
    "::endgroup::pwned",
    "::echo::on pwned",
    "::add-matcher::pwned.json",
    "::remove-matcher owner=pwned::",
    "::set-env name=PATH::pwned",
    "::add-path::pwned",
    "::::##[add-path]pwned",
    // Blanks to .NET's TrimStart.
    "\u{85}::add-mask::pwned",
    "\u{a0}\u{3000}::add-mask::pwned",
    "\u{2028}::add-mask::pwned",
    "\u{b}\u{c}::add-mask::pwned",
    // Nothing to a comparison of strings by culture, or to a terminal.
    "\u{200b}::add-mask::pwned",
    "\u{ad}::add-mask::pwned",
    "#\u{200b}#[add-mask]pwned",
    "\u{feff}::add-mask::pwned",
    "\u{1b}[0m::add-mask::pwned",
    "#\u{1b}[0m#[add-mask]pwned",
    "\0::add-mask::pwned",
    // Escapes that the runner undoes.
    "%0A::add-mask::pwned",
    "%0D%0A::add-mask::pwned%25",
    "a,line=3::pwned",
    // The format of its files.
    "image=pwned",
    "image<<pwned\npwned\npwned",
    "pwned\nEOF\nimage=pwned",
];

/// For Markdown, HTML, Mermaid and terminals.
pub const MARKUP: &[&str] = &[
    "</details></summary></pre></code></td></table><script>alert('pwned')</script>",
    "<img src=x onerror=pwned> <a href=\"https://evil.example\">pwned</a>",
    "<!-- pwned",
    "<![CDATA[ pwned",
    "\" onmouseover=\"pwned",
    "&lt;pwned&gt; &#64;pwned &copy;",
    "[pwned](https://evil.example) ![pwned](https://evil.example/x.png) [pwned]: https://evil.example",
    "https://evil.example/pwned www.evil.example/pwned pwned@evil.example mailto:pwned@evil.example",
    "@pwned @octo/pwned #123 GH-123 gh-7 octo/shop#123 octo/shop@0123456 pwned",
    "```pwned ````` ~~~~~~~ `pwned`",
    "```\n# pwned\n```mermaid",
    "| pwned | pwned || \\| pwned",
    "# pwned\n## pwned\npwned\n===\n---",
    "- pwned\n* [ ] pwned\n1. pwned\n> pwned\n> [!WARNING]\n> pwned",
    "**pwned** __pwned__ *pwned* _pwned_ ~~pwned~~ $pwned$ $$pwned$$ [^pwned] \\pwned\\",
    "    pwned\n\tpwned",
    "\u{202e}pwned\u{202c} \u{2066}pwned\u{2069} \u{200f}pwned",
    "\u{1b}[31mpwned\u{1b}[2J\u{1b}[1A \u{1b}]8;;https://evil.example\u{7}pwned\u{1b}]8;;\u{7} \u{9b}31mpwned",
    "pwned; click x href \"https://evil.example\" %% pwned: crit, 0, 1 # pwned",
    "pwned \u{1b}]0;pwned",
];

pub fn all() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().chain(MARKUP).copied()
}

/// All of them, in one text.
pub fn joined() -> String {
    all().collect::<Vec<_>>().join("\n")
}
