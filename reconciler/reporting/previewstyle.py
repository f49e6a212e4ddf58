"""How the preview looks: light and dark, narrow and wide. No script: choices are radio buttons that CSS reads."""

from reconciler.reporting.readers import READERS

_COLOURS = """
:root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1c2128;--quiet:#57606a;--edge:#d8dee4;
--accent:#0a58ca;--good:#116329;--good-bg:#dafbe1;--warm:#7d4e00;--warm-bg:#fff1c9;--bad:#a40e26;--bad-bg:#ffe5e3;--cool:#0b4a9e;
--cool-bg:#ddeeff;--still:#4b535c;--still-bg:#e9ecef}
@media(prefers-color-scheme:dark){:root{--paper:#0d1117;--card:#161b22;--ink:#e6edf3;--quiet:#9da7b3;--edge:#30363d;
--accent:#79b8ff;--good:#7ee2a0;--good-bg:#12361f;--warm:#f2cc60;--warm-bg:#3a2d08;--bad:#ffa198;--bad-bg:#4a1518;
--cool:#a5d0ff;--cool-bg:#122d4e;--still:#b6bec7;--still-bg:#262c33}}
"""
_RADIOS = """
fieldset{border:0;margin:0;padding:0;display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .5rem;min-width:0}
legend{float:left;font-size:.875rem;color:var(--quiet);padding:0;margin-right:.25rem}
label{position:relative;cursor:pointer;font-size:.9rem}
label input{position:absolute;inset:0;margin:0;opacity:0;cursor:pointer}
label span{display:block;padding:.25rem .75rem;border-radius:2rem;border:1px solid var(--edge);background:var(--card)}
label input:checked+span{background:var(--ink);color:var(--paper);border-color:var(--ink)}
label input:focus-visible+span{outline:3px solid var(--accent);outline-offset:2px}
"""

_PAGE = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:4.5rem}
html:has(.viewer [open]){scroll-padding-bottom:calc(33vh + 4.5rem)}
body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere;
font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1,h2,h3,h4,h5{line-height:1.25;margin:0;text-wrap:balance}
h1{font-size:1.75rem;letter-spacing:-.015em}
h2{font-size:1.2rem;margin-bottom:.75rem}
h3{font-size:1.1rem}
h4{font-size:1rem;margin-bottom:.75rem}
h4 .quiet{font-weight:400;margin-left:.35rem}
h5{font-size:.85rem;color:var(--quiet);margin-bottom:.6rem}
p,ul,dl{margin:0}
ul{padding:0;list-style:none}
code,.mono{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
.quiet,.label{color:var(--quiet);font-size:.875rem}
.skip{position:absolute;left:-100vw;top:.5rem;background:var(--card);padding:.5rem 1rem;border-radius:6px;z-index:3}
.skip:focus{left:.5rem}
.top{padding:2.5rem 2rem 2rem;max-width:98rem;margin:auto;display:grid;gap:.35rem}
.lead{font-size:1.25rem;font-weight:600;line-height:1.35;margin-top:.9rem;text-wrap:balance}
.columns{display:grid;grid-template-columns:15rem minmax(0,1fr);gap:2.5rem;max-width:98rem;margin:auto;
padding:0 2rem 5rem}
nav{position:sticky;top:0;max-height:100vh;overflow:auto;align-self:start;padding:1rem 0}
nav h2{font-size:.875rem;color:var(--quiet);font-weight:600;margin:0 .6rem .5rem}
nav a{display:grid;gap:.3rem;justify-items:start;padding:.5rem .6rem;border-radius:8px;color:inherit;
text-decoration:none;font-size:.925rem;line-height:1.35}
nav a:hover{background:var(--still-bg)}
main{display:grid;grid-template-columns:minmax(0,1fr);gap:2.5rem;align-content:start;min-width:0}
main>section{min-width:0}
.chip{display:inline-block;padding:.05rem .55rem;border-radius:1rem;font-size:.775rem;font-weight:600;line-height:1.6;
color:var(--tone);background:var(--tone-bg);white-space:nowrap}
.good{--tone:var(--good);--tone-bg:var(--good-bg)}.warm{--tone:var(--warm);--tone-bg:var(--warm-bg)}
.bad{--tone:var(--bad);--tone-bg:var(--bad-bg)}.cool{--tone:var(--cool);--tone-bg:var(--cool-bg)}
.still{--tone:var(--still);--tone-bg:var(--still-bg)}
.notice{background:var(--card);border:1px solid var(--edge);border-left:4px solid var(--tone);border-radius:10px;
padding:1.25rem 1.5rem}
.notice h2{font-size:1.05rem;margin-bottom:.5rem}
.notice li{padding:.55rem 0;border-top:1px solid var(--edge)}
.notice li:first-child{border-top:0}
.notice code{color:var(--quiet)}
.chart{overflow-x:auto;background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:.5rem}
.chart+.quiet{margin-top:.5rem}
.chart svg{display:block;--paper:transparent}
.chart rect.paper{fill:none}
.choices{position:sticky;top:0;z-index:2;display:flex;flex-wrap:wrap;gap:.5rem 1.75rem;padding:.75rem 0;
background:var(--paper);border-bottom:1px solid var(--edge);margin-bottom:1rem}
.campaign{background:var(--card);border:1px solid var(--edge);border-radius:12px;margin-bottom:1rem}
summary{cursor:pointer}
.campaign>summary{position:relative;display:flex;flex-wrap:wrap;align-items:center;gap:.35rem .75rem;
padding:1rem 1.5rem 1rem 3rem;border-radius:12px;list-style:none}
.campaign>summary::-webkit-details-marker{display:none}
.campaign>summary::before{content:"";position:absolute;left:1.5rem;top:1.5rem;width:.5rem;height:.5rem;
border:solid var(--quiet);border-width:0 2px 2px 0;transform:rotate(-45deg)}
.campaign[open]>summary::before{transform:rotate(45deg)}
.brief{color:var(--quiet);font-size:.9rem;margin-left:auto}
.inside{padding:0 1.5rem 1.75rem;display:grid;grid-template-columns:minmax(0,1fr);gap:1.25rem;scroll-margin-top:4.5rem}
dl{display:grid;grid-template-columns:minmax(6rem,max-content) minmax(0,1fr);gap:.4rem 1.25rem;font-size:.95rem}
dt{color:var(--quiet)}
dd{margin:0}
del{color:var(--bad);background:var(--bad-bg);padding:0 .15em;border-radius:3px}
ins{color:var(--good);background:var(--good-bg);padding:0 .15em;border-radius:3px;text-decoration:none}
del+ins{margin-left:.25em}
.edits{margin-bottom:1.25rem}
.step{border-top:1px solid var(--edge);padding-top:1.5rem}
.holder{max-width:100%;width:640px;height:var(--wide);overflow:auto hidden;resize:vertical}
.holder iframe{display:block;border:0;width:640px;height:100%}
main:has(#width-phone:checked) .holder{width:360px;height:var(--tall)}
main:has(#width-phone:checked) .holder iframe{width:min(360px,100%)}
.strong{font-weight:600}
.button{display:inline-block;padding:.25rem .8rem;border:1px solid var(--edge);border-radius:2rem;text-decoration:none;
font-size:.9rem}
.viewer{position:sticky;bottom:0;background:var(--paper);border-top:2px solid var(--edge);padding:.5rem 0 0;z-index:2}
.viewer summary{padding-bottom:.5rem;font-size:.9rem;color:var(--quiet)}
.viewer .holder{--wide:33vh;--tall:33vh}
.note{font-size:.875rem;color:var(--warm)}
.beside{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
main:has(#width-phone:checked) .beside{grid-template-columns:repeat(auto-fit,minmax(min(100%,22.7rem),max-content))}
.beside .holder iframe{min-width:0;width:min(640px,100%)}
.beside .holder{height:calc((var(--wide) + var(--tall))/2)}
.beside section{min-width:0}
@media(max-width:60rem){
.columns{grid-template-columns:minmax(0,1fr);gap:2rem;padding:0 1rem 3rem}
.top{padding:1.5rem 1rem}
nav{position:static;max-height:16rem;background:var(--card);border:1px solid var(--edge);border-radius:12px;
padding:.9rem .5rem}
nav a{display:flex;flex-wrap:wrap;gap:.25rem .6rem;align-items:center}
.campaign>summary{padding:1rem 1rem 1rem 2.25rem}
.campaign>summary::before{left:1rem}
.inside{padding-left:1rem;padding-right:1rem}
.brief{margin-left:0;flex-basis:100%}
dl{grid-template-columns:minmax(0,1fr);gap:.1rem}
dd{margin-bottom:.5rem}
.choices{gap:.5rem 1rem}
.choices,label,legend{font-size:.825rem}
label span{padding:.2rem .5rem}
fieldset{gap:.25rem}
.inside{scroll-margin-top:7.5rem}
}
@media print{nav,.choices,.skip{display:none}.columns{display:block}}
"""

STYLE = f"{_COLOURS}{_RADIOS}{_PAGE}"
"""Of the page."""

_CHOSEN = "".join(f"body:has(#reader-{name}:checked) .mail:not(.for-{name}){{display:none}}" for name in READERS)

_MAIL = """
*{box-sizing:border-box}
body{margin:0;color:var(--ink);overflow-wrap:break-word;
font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.mail{display:grid;grid-template-columns:minmax(0,1fr);gap:.7rem}
fieldset{margin-bottom:.7rem}
.mail p,.mail ul{margin:0}
.quiet{color:var(--quiet);font-size:.85rem}
.strong{font-weight:600}
.note{color:var(--warm);font-size:.85rem}
.head{margin:0 0 .6rem;font-weight:600}
.inbox{width:min(100%,22.5rem);padding:.6rem .85rem;border:1px solid var(--edge);border-radius:12px;line-height:1.4}
.inbox .strong{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.words{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.mail .letter{contain:paint;overflow:auto;padding:16px;border:1px solid var(--edge);border-radius:10px;background:#fff;
color:#1f2328;color-scheme:light}
.letter p,.letter ul{margin:1em 0}
.letter>:first-child{margin-top:0}.letter>:last-child{margin-bottom:0}
.letter img,.letter table{max-width:100%}
.letter a{color:#0a58ca;text-decoration:underline}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
@media(max-width:24rem){label,legend{font-size:.8rem}label span{padding:.15rem .5rem}fieldset{gap:.25rem}}
"""

CARD = f"{_COLOURS}{_RADIOS}{_MAIL}{_CHOSEN}"
"""Of the document of an email. What is its own (`.letter`) is on white, as most mail programs show it."""
