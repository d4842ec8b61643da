"""How the report looks: light, dark and on paper. Hues after Okabe and Ito, told apart by dashes and shades as well."""

LIGHT = """--paper:#fff;--ink:#1b1f24;--soft:#59636e;--rule:#d9dee4;--real:#c24e00;--sim:#0072b2;--good:#00664b;
--mark:#8a2f6b"""
DARK = """--paper:#12151a;--ink:#e9ecf0;--soft:#a3adb8;--rule:#343c46;--real:#ff9b52;--sim:#5cb8ee;--good:#3fd0a4;
--mark:#e79ac6"""

CSS = (
    f':root{{color-scheme:light dark;{LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}'
    f'@media print{{:root{{color-scheme:light;{LIGHT}}}}}'
    """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1120px;padding:32px 24px 64px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums;print-color-adjust:exact}
h1{font-size:28px;line-height:1.2;margin:0 0 6px}h2{font-size:19px;margin:36px 0 8px}
h3{font-size:15px;margin:24px 0 6px}p{margin:4px 0 12px}a{color:var(--sim)}
.soft,figcaption{color:var(--soft);font-weight:400}ol{padding:0;list-style:none}li{margin:3px 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{color:var(--soft);font-weight:600}li,dd,summary,figcaption{overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap}th.n{white-space:normal}.fixed{white-space:nowrap}
.tag{font-weight:650;white-space:nowrap;color:var(--soft)}.diverged{color:var(--real)}.agreed{color:var(--good)}
details{border:1px solid var(--rule);border-radius:8px;margin:10px 0;padding:0 16px}details[open]{padding-bottom:14px}
summary{cursor:pointer;padding:10px 0}details>div{scroll-margin-top:60px}
figure{margin:0}svg{display:block;width:100%;height:auto}
.large{overflow-x:auto}.large svg{min-width:640px}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .axes text{fill:var(--soft)}.grid{stroke:var(--rule)}
path{fill:none;stroke-linejoin:round;stroke-linecap:round}.real{stroke:var(--real);stroke-width:2}
.median{stroke:var(--sim);stroke-width:1.4;stroke-dasharray:5 3}.family{fill:var(--sim);fill-opacity:.32}
.tolerance{fill:var(--sim);fill-opacity:.15}
.small .real{stroke-width:1.4}.score{stroke:var(--ink);stroke-width:1.6}
.onset{stroke:var(--mark);stroke-width:2}.interval{fill:var(--mark);fill-opacity:.3}
.flagged{stroke:var(--mark);stroke-width:1.5;stroke-dasharray:3 3}.alarm{stroke:var(--real);stroke-dasharray:7 4}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0;font-size:13px;color:var(--soft)}
.legend svg{display:inline-block;width:28px;height:12px;margin-right:6px;vertical-align:-1px}
.small{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:14px 20px}
.small figcaption{font-size:13px;display:flex;justify-content:space-between;gap:8px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;font-size:14px;margin:8px 0}
dt{color:var(--soft)}dd{margin:0}
@media print{body{font-size:10pt;padding:0}table{font-size:8pt}th,td{padding-right:6px}.scroll,.large{overflow:visible}
.large svg{min-width:0}tr,svg,summary,.small>*{break-inside:avoid}h2,h3,summary{break-after:avoid}}
"""
)

_SWATCHES = {
    'real hand': '<path class="real" d="M0,6H28"/>',
    'family median': '<path class="median" d="M0,6H28"/>',
    'family envelope': '<path class="family" d="M0,0H28V12H0Z"/>',
    'tolerance around it': '<path class="tolerance" d="M0,0H28V12H0Z"/>',
    'onset and its interval': '<rect class="interval" x="6" width="16" height="12"/><path class="onset" d="M14,0V12"/>',
    'flagged': '<line class="flagged" x1="14" x2="14" y1="0" y2="12"/>',
    'alarm level': '<line class="alarm" x1="0" x2="28" y1="6" y2="6"/>',
}
LEGEND = '<div class="legend">{}</div>'.format(
    ''.join(
        f'<span><svg viewBox="0 0 28 12" aria-hidden="true">{shape}</svg>{said}</span>'
        for said, shape in _SWATCHES.items()
    )
)
