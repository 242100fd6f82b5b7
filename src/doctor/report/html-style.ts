/** The style of the page, light and dark, from 320 pixels on. */
export const styleSheet = `
:root{--page:#f6f7f9;--card:#fff;--text:#1c2430;--soft:#5c6675;--line:#dfe3e9;--code:#eef1f5;
--good:#12804a;--fair:#a86100;--poor:#c62834;--low:#4a6fa5;--gain:#9fd8b9;--wrong:#fdecee}
@media (prefers-color-scheme:dark){:root{--page:#12161c;--card:#1b2129;--text:#e6eaf0;--soft:#9aa5b4;--line:#303946;
--code:#262e39;--good:#4cc38a;--fair:#f0a53a;--poor:#ff6b73;--low:#86aee6;--gain:#2c5e47;--wrong:#3a1f25}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:1040px;margin:0 auto;padding:0 16px}
header{padding-top:28px}
h1{font-size:clamp(1.3rem,4vw,1.9rem);line-height:1.25;margin:0 0 20px}
h2{font-size:1.2rem;margin:0 0 14px}
h3{font-size:.85rem;text-transform:uppercase;letter-spacing:.06em;color:var(--soft);margin:22px 0 8px}
h4{font-size:1rem;margin:0;line-height:1.6}
p{margin:6px 0}
.brand{color:var(--soft);font-size:.85rem;letter-spacing:.02em;margin:0}
.note,footer{color:var(--soft);font-size:.9rem}
footer{padding:8px 16px 40px}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px;margin:0 0 16px}
code{font:.86em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--code);border-radius:4px;padding:.1em .35em}
.good{color:var(--good)}.fair{color:var(--fair)}.poor{color:var(--poor)}
.scores{display:flex;align-items:center;justify-content:center;gap:24px 48px;flex-wrap:wrap}
.dial{margin:0;text-align:center;min-width:180px}
.dial svg{width:150px;height:150px;display:block;margin:0 auto 8px}
.dial circle{fill:none;stroke-width:10}
.dial .track,.bar .track{stroke:var(--line);fill:none}
.dial .value{stroke:currentColor}
.dial text{font:700 38px system-ui,sans-serif;text-anchor:middle;fill:var(--text)}
.dial figcaption{color:var(--text)}
.dial b{display:block;margin-bottom:4px}
.arrow{font-size:2rem;color:var(--soft)}
.pill{display:inline-block;font-size:.75rem;font-weight:600;line-height:1.5;border:1px solid currentColor;border-radius:99px;padding:0 .6em;color:var(--soft);white-space:nowrap}
.pill.high{color:var(--poor)}.pill.medium{color:var(--fair)}.pill.low{color:var(--low)}.pill.good{color:var(--good)}
.pills{display:flex;gap:6px;justify-content:center;flex-wrap:wrap}
.practices{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:6px 40px}
.practices li{display:grid;grid-template-columns:9.5em 1fr 5.2em;gap:12px;align-items:center}
.points{font-variant-numeric:tabular-nums;font-weight:600;font-size:.9rem;white-space:nowrap}
.bar{display:block;width:100%;height:8px;border-radius:4px}
.bar .track{fill:var(--line);stroke:none}
.bar .gain{fill:var(--gain)}
.bar .good,.bar .series1{fill:var(--good)}.bar .fair{fill:var(--fair)}.bar .poor{fill:var(--poor)}.bar .series0{fill:var(--low)}
.latency .series1{fill:var(--fair)}
.chain{list-style:none;margin:8px 0 0;padding:0;display:grid;grid-template-columns:repeat(6,1fr)}
.chain li{position:relative;padding:22px 12px 0 0;font-size:.85rem;line-height:1.4}
.chain li::before{content:"";position:absolute;top:6px;left:0;right:0;height:3px;background:var(--good)}
.chain li:last-child::before{right:calc(100% - 14px)}
.chain li::after{content:"";position:absolute;top:0;left:0;width:15px;height:15px;border-radius:50%;background:var(--card);border:4px solid var(--good)}
.chain .assumed::before{background:var(--line)}
.chain .assumed::after{border-color:var(--soft)}
.chain .assumed .time{color:var(--soft)}
.chain .wrong::before{background:var(--poor)}
.chain .wrong::after{border-color:var(--poor)}
.chain .wrong b,.chain .wrong .time,.fault{color:var(--poor)}
.chain b,.chain .time,.chain .what,.chain .fault{display:block}
.time{font-size:1.15rem;font-weight:700;font-variant-numeric:tabular-nums}
.what{color:var(--soft)}
.fault{font-weight:600;margin-top:2px}
.finding{border:1px solid var(--line);border-left:4px solid var(--low);border-radius:8px;padding:12px 16px;margin:0 0 10px}
.finding.high{border-left-color:var(--poor)}.finding.medium{border-left-color:var(--fair)}
.id{color:var(--soft);font-size:.85rem;margin:0 0 6px}
.evidence{list-style:none;margin:0 0 8px;padding:8px 12px;border-radius:6px;background:var(--page);font-size:.9rem}
.evidence li{padding:1px 0}
.where{color:var(--soft)}
.fix b{color:var(--good);margin-right:4px}
table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-bottom:1px solid var(--line);font-weight:400}
thead th{color:var(--soft);font-size:.8rem}
tbody tr:last-child>*{border-bottom:0}
.after{color:var(--good)}
.held b{color:var(--low)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:20px 40px;margin-top:14px}
.chart{margin:0}
.chart.latency{grid-column:1/-1}
.chart figcaption{font-weight:600;margin-bottom:6px}
.group{margin-bottom:10px}
.name{font-size:.85rem;color:var(--soft)}
.row{display:grid;grid-template-columns:1fr minmax(5em,auto);gap:12px;align-items:center}
@media (max-width:760px){
section{padding:16px}
.scores{gap:6px;flex-wrap:nowrap;align-items:flex-start}
.arrow{margin-top:32px}
.dial{min-width:0;flex:1 1 0}
.dial svg{width:110px;height:110px}
.dial b{font-size:.74rem;min-height:3em}
.practices li{grid-template-columns:8.2em 1fr 4.6em;gap:8px}
.chain{grid-template-columns:1fr}
.chain li{padding:0 0 16px 30px}
.chain li::before{top:6px;bottom:-6px;left:6px;right:auto;width:3px;height:auto}
.chain li:last-child::before{display:none}
.chain b,.chain .time{display:inline}
}
@media (max-width:900px){
.none{display:none}
thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
tr,tbody,table{display:block}
tr{padding:10px 0;border-bottom:1px solid var(--line)}
tbody tr:last-child{border:0}
th,td{border:0;padding:2px 0;display:block}
td{display:grid;grid-template-columns:8.2em 1fr;gap:8px}
td::before{content:attr(data-head);color:var(--soft)}
}
@media print{body{background:#fff}section{break-inside:avoid-page}}
`;
