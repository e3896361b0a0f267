/* SPDX-License-Identifier: BSD-3-Clause */
// How the page looks, on a screen and on A4. The policy of the page names the hash of this text.
#include <openssl/evp.h>
#include <string.h>

#include "page.h"
#include "sections.h"

// The Traffic Light Protocol (FIRST, version 2.0) wants its label at the head and foot of each
// page, to the right, in 12 points or more.
#define TLP_BOX(where, label, color)                                                               \
	"@" where "{content:\"TLP:" label "\";background:#000;color:" color                        \
	";font:700 12pt/1 sans-serif;width:max-content;height:7mm;padding:0 2mm;margin:auto 0}"
#define TLP_PAGE(label, name, color)                                                               \
	"[data-tlp=\"" label "\"]{page:" name "}@page " name                                       \
	"{" TLP_BOX("top-right", label, color) TLP_BOX("bottom-right", label, color) "}\n"

const char page_style[] =
	":root{--ink:#1c2430;--soft:#5a6675;--line:#c9d1da;--tint:#eef2f6;--accent:#0b4f7d}\n"
	"*{box-sizing:border-box}\n"
	"html{font-size:16px}\n"
	"body{margin:0 auto;max-width:60rem;padding:2rem 1.5rem 4rem;color:var(--ink);"
	"background:#fff;font-family:\"Noto Sans\",\"Noto Sans CJK JP\",\"Helvetica Neue\",Arial,"
	"\"DejaVu Sans\",sans-serif;line-height:1.55}\n"
	":lang(ja) body,body:lang(ja){font-family:\"Noto Sans CJK JP\",\"Noto Sans JP\","
	"\"Hiragino Sans\",\"Yu Gothic\",IPAexGothic,IPAGothic,sans-serif;line-height:1.75;"
	"line-break:strict}\n"
	"h1{font-size:2.2rem;line-height:1.25;margin:0 0 .5rem;font-weight:700}\n"
	"h2{font-size:1.35rem;margin:3rem 0 1rem;padding-bottom:.3rem;"
	"border-bottom:2px solid var(--accent);color:var(--accent)}\n"
	"h3{font-size:1.02rem;margin:1.6rem 0 .5rem}\n"
	"p{margin:.6rem 0}\n"
	"a{color:var(--accent)}\n"
	".cover{padding:3rem 0 1rem;border-top:.5rem solid var(--accent)}\n"
	".cover .period{font-size:1.5rem;color:var(--soft);margin:0 0 2rem}\n"
	".cover .issuer{font-size:1.1rem;margin:0 0 2rem}\n"
	".cover img{max-height:5rem;max-width:16rem;display:block;margin:0 0 2rem}\n"
	".tlp{display:inline-block;background:#000;color:#fff;font-weight:700;padding:.1rem .5rem;"
	"font-size:.9rem}\n"
	".tlp-GREEN{color:#33ff00}[class*=tlp-AMBER]{color:#ffc000}.tlp-RED{color:#ff2b2b}\n"
	"dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.5rem;margin:0}\n"
	"dl.facts dt{color:var(--soft)}dl.facts dd{margin:0}\n"
	"nav ol{columns:2;padding-left:1.4rem;margin:.5rem 0}\n"
	"nav ul{list-style:none;padding:0;margin:.8rem 0;font-size:.92rem}\n"
	".keys{display:grid;grid-template-columns:repeat(4,1fr);gap:.8rem;margin:1rem 0}\n"
	".keys div{background:var(--tint);padding:.7rem .9rem;border-left:4px solid "
	"var(--accent)}\n"
	".keys b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums;"
	"line-height:1.3}\n"
	".keys span{color:var(--soft);font-size:.85rem}\n"
	"table{border-collapse:collapse;width:100%;font-size:.9rem;"
	"font-variant-numeric:tabular-nums}\n"
	"caption{text-align:left;font-weight:700;margin:0 0 .4rem;caption-side:top}\n"
	"th,td{padding:.32rem .6rem;border-bottom:1px solid var(--line);text-align:left;"
	"vertical-align:top}\n"
	"thead th{border-bottom:2px solid var(--ink);font-weight:600;vertical-align:bottom;"
	"line-height:1.3}\n"
	":lang(ja) thead th{word-break:keep-all}\n"
	"td.n,th.n,[align=right]{text-align:right}[align=center]{text-align:center}\n"
	"td.n,td.d,.cve{white-space:nowrap}\n"
	"tr.rest td{color:var(--soft)}\n"
	"table,figure{margin:1.6rem 0}\n"
	// what has no blank must not widen the page, or its print is made smaller
	"h1,h2,h3,p,li,dd,caption,figcaption{overflow-wrap:anywhere}.note td,#sensor-list td,"
	"[id^=products-] td:first-child,[id^=by-] td:first-child{overflow-wrap:anywhere;"
	"min-width:6em}.note [align=right],.note [align=center]{min-width:0;white-space:nowrap}\n"
	"#changes-list th:first-child,#moves-list th:first-child{width:32%}\n"
	"#table1 th:nth-child(2),#table2 th:nth-child(2){width:34%}\n"
	"figure svg{width:calc(100% - 1px);height:auto;display:block;border:1px solid "
	"var(--line)}\n"
	"figcaption{font-weight:700;margin:0 0 .4rem;font-size:.95rem}\n"
	".small{font-size:.82rem;color:var(--soft);margin:.35rem 0}\n"
	".sensors{display:grid;grid-template-columns:1fr 1fr;gap:1.2rem 2rem}\n"
	".sensor table{font-size:.8rem}.sensor th,.sensor td{padding:.16rem .4rem}\n"
	".sensor table{margin:0}\n"
	".note{border-left:4px solid var(--line);padding:.1rem 0 .1rem 1rem;margin:1rem 0}\n"
	".warn{border-left:4px solid #b5651d;background:#fdf4ea;padding:.5rem 1rem}\n"
	"ol.method{padding-left:1.4rem;font-size:.88rem}\n"
	"ol.method li{margin:.35rem 0}\n"
	"pre{white-space:pre-wrap;background:var(--tint);padding:.6rem .8rem;font-size:.85rem}\n"
	"blockquote{margin:.8rem 0;padding-left:1rem;border-left:3px solid var(--line)}\n"
	"@media screen and (max-width:44rem){body{padding:1rem}h1{font-size:1.7rem}"
	"table{display:block;overflow-x:auto}.sensors>*{min-width:0}.keys,.sensors{grid-template-"
	"columns:1fr 1fr}"
	".sensors{grid-template-columns:1fr}nav ol{columns:1}}\n"
	"@page{size:A4;margin:18mm 17mm 20mm;@bottom-center{content:counter(page);"
	"font:9pt sans-serif;color:#5a6675}}\n"
	"@page:first{@bottom-center{content:none}}\n" TLP_PAGE("CLEAR", "clear", "#fff") TLP_PAGE(
		"GREEN", "green", "#33ff00") TLP_PAGE("AMBER", "amber",
		"#ffc000") TLP_PAGE("AMBER+STRICT", "strict", "#ffc000") TLP_PAGE("RED", "red",
		"#ff2b2b") "@media print{html{font-size:10.5pt}body{max-width:none;padding:0}"
			   ".cover{padding-top:55mm;break-after:page}"
			   "h2{margin-top:2rem}h2,h3,figcaption,caption{break-after:avoid}"
			   "thead{display:table-header-group;break-after:avoid}tbody "
			   "tr:nth-child(-n+2){break-before:avoid}tbody "
			   "tr:nth-last-child(-n+2){break-before:avoid}"
			   "table+.small{break-before:avoid}tr,figure,.sensor,.keys,#classes,#"
			   "table1,#table2,#"
			   "knowledge,"
			   "#tools,[id^=compare-],li,.note "
			   "p{break-inside:avoid}"
			   "p,li{orphans:3;widows:3}a{color:inherit;text-decoration:none}"
			   "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n";

void style_hash(char out[64]) {
	uint8_t sum[32];
	unsigned n = 0;
	EVP_Digest(page_style, strlen(page_style), sum, &n, EVP_sha256(), NULL);
	EVP_EncodeBlock((unsigned char *)out, sum, (int)n);
}
