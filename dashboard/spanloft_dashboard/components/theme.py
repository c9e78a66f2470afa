"""The design system: colours that mean something, one chart template, the few rules of CSS.

Fonts, radii and the surfaces of light and dark stand in ``.streamlit/config.toml``. Colours below are mid-tones
that keep their contrast on both surfaces, so a model has the same colour in both.
"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

ERROR = "#E0434F"
WARNING = "#D6A500"
OK = "#7C93C9"
CALLS = "#4C6FE0"
COST = "#A46BD0"
LATENCY = "#1E9E96"
TOKENS = "#6F7F95"
UNKNOWN = "#98A2B3"
CRITICAL = "#D6409F"
INGEST: dict[str | None, str] = {"stored": OK, "repeated": UNKNOWN, "refused": ERROR}
OUTCOMES: dict[str | None, str] = {"ok": OK, "failed": ERROR}

PROVIDERS = {
    "openai": "#12A37F",
    "azure.ai.openai": "#4FB6A8",
    "anthropic": "#E08A3C",
    "gcp.gemini": "#3F84E5",
    "gcp.vertex_ai": "#6C9BE8",
    "gcp.gen_ai": "#3F84E5",
    "aws.bedrock": "#D6A500",
    "mistral_ai": "#CC6E9E",
    "cohere": "#8C6FD6",
    "deepseek": "#5560C9",
    "x_ai": "#7B8794",
    "groq": "#B5653F",
    "perplexity": "#56B4E9",
}
OTHERS = ("#A46BD0", "#56B4E9", "#CC6E9E", "#8C9A3B", "#7B8794")

SHADES = (0.0, 0.36, -0.24, 0.58, -0.38, 0.18, 0.47)
"""Lighter (above 0) and darker in turn: neighbours stay apart, on white as on black."""

SERIES = (CALLS, "#12A37F", "#E08A3C", COST, "#56B4E9", "#D6A500", "#CC6E9E")
"""Colours of series that have none of their own."""

OPERATIONS = {
    "chat": CALLS,
    "generate_content": CALLS,
    "text_completion": CALLS,
    "embeddings": "#56B4E9",
    "execute_tool": "#C08A00",
    "retrieval": LATENCY,
    "rerank": LATENCY,
    "invoke_agent": COST,
    "create_agent": COST,
    "invoke_workflow": COST,
}
OTHER_OPERATION = "#8A94A6"
KINDS = {
    "chat": "model call",
    "generate_content": "model call",
    "text_completion": "model call",
    "embeddings": "embeddings",
    "execute_tool": "tool",
    "retrieval": "retrieval",
    "rerank": "retrieval",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "invoke_workflow": "agent",
}

PERCENTILES = {"p50": "#8DB4DC", "p95": "#3F84E5", "p99": "#8B5FD6"}
TOKEN_KINDS = {"uncached input": "#4C6FE0", "cache read": "#56B4E9", "cache write": "#7A4FB5", "output": "#E08A3C"}
PRICE_SOURCES = {
    "exact": "#12A37F",
    "pattern": "#56B4E9",
    "override": "#A46BD0",
    "reported": "#D6A500",
    "none": UNKNOWN,
}


INKS = ("#0D1015", "#FFFFFF")
"""What is written on a colour."""


def provider_color(provider: str | None) -> str:
    """Fixed colour of a provider; one that is not known gets a stable one of the spare colours."""
    if not provider:
        return UNKNOWN
    return PROVIDERS.get(provider) or OTHERS[sum(provider.encode()) % len(OTHERS)]


def model_colors(models: Iterable[tuple[str | None, str | None]]) -> dict[str | None, str]:
    """Colours of (provider, model) pairs: shades of the provider's colour, in the order given."""
    seen: dict[str | None, int] = {}
    colors: dict[str | None, str] = {"other": UNKNOWN}
    for provider, model in models:
        rank = seen.get(provider, 0)
        seen[provider] = rank + 1
        colors[model] = _shade(provider_color(provider), SHADES[rank % len(SHADES)])
    return colors


def operation_color(operation: str | None) -> str:
    """Fixed colour of a kind of span."""
    return OPERATIONS.get(operation or "", OTHER_OPERATION)


def operation_kind(operation: str | None) -> str:
    """Word for a kind of span."""
    return KINDS.get(operation or "", "other")


def ink_on(color: str) -> str:
    """Black or white, whichever is easier to read on a colour, by the contrast of WCAG 2."""
    light = _luminance(color)
    return INKS[0] if (light + 0.05) / (_luminance(INKS[0]) + 0.05) >= 1.05 / (light + 0.05) else INKS[1]


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _shade(color: str, amount: float) -> str:
    target = 255 if amount > 0 else 0
    channels = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(value + (target - value) * abs(amount)):02X}" for value in channels)


CSS = """
[data-testid="stMain"] {background: light-dark(#F5F6F8, #0D1015);}
[data-testid="stMainBlockContainer"] {max-width: 1480px; padding-left: 2rem; padding-right: 2rem;}
[data-testid="stHeader"] {background: transparent; height: 0; min-height: 0;}
[data-testid="stToolbarActions"], [data-testid="stAppDeployButton"], [data-testid="stDecoration"],
[data-testid="stStatusWidget"], [data-testid="stMainMenu"] {display: none;}
[data-testid="stExpandSidebarButton"] {position: fixed; top: .6rem; left: .6rem; z-index: 99;
  background: light-dark(#fff, #151920); border: 1px solid light-dark(#E3E7ED, #2A313C); border-radius: 8px;}
[data-testid="stMetric"], [class*="st-key-panel-"], [class*="st-key-plate-"] {
  background: light-dark(#fff, #151920); border: 1px solid light-dark(#E3E7ED, #2A313C); border-radius: 12px;
  box-shadow: 0 1px 2px light-dark(rgba(16,24,40,.05), transparent);}
[class*="st-key-panel-"] {padding: 14px 16px 12px; height: 100%;}
[class*="st-key-plate-"] {padding: 20px 24px;}
[data-testid="stColumn"] > [data-testid="stVerticalBlock"] {height: 100%;}
[data-testid="stColumn"] > [data-testid="stVerticalBlock"] > [data-testid="stLayoutWrapper"]:only-child {flex-grow: 1;}
[data-testid="stMetric"] {padding: 12px 14px 44px; background-repeat: no-repeat; background-position: 0 100%;
  background-size: 100% 34px; overflow: hidden;}
[data-testid="stMetricLabel"] p {font-size: 12.5px; font-weight: 550; opacity: .78;}
[data-testid="stMetricValue"] {font-variant-numeric: tabular-nums; letter-spacing: -.015em; line-height: 1.25;}
[data-testid="stMetricDelta"] {font-size: 12px;}
[class*="st-key-head-"] [data-testid="stMarkdownContainer"], [class*="st-key-head-"] [data-testid="stCaptionContainer"],
[class*="st-key-row-"] [data-testid="stMarkdownContainer"], [class*="st-key-row-"] [data-testid="stCaptionContainer"],
.st-key-fresh [data-testid="stMarkdownContainer"], .st-key-fresh [data-testid="stCaptionContainer"] {margin-bottom: 0;}
[class*="st-key-head-"] p, [class*="st-key-row-"] p, .st-key-fresh p {margin: 0;}
[class*="st-key-head-"] [data-testid="stCaptionContainer"] p {line-height: 1.35;}
/* A fragment in a line takes what is left of it; its content stands at the end. */
[class*="st-key-head-"] > [data-testid="stLayoutWrapper"] > [data-testid="stVerticalBlock"],
.st-key-under > [data-testid="stLayoutWrapper"] > [data-testid="stVerticalBlock"] {align-items: flex-end;}
[class*="st-key-head-"] > [data-testid="stLayoutWrapper"]:last-child {flex: 1 0 52px;}
[class*="st-key-head-"] > [data-testid="stLayoutWrapper"]:last-child > * {justify-content: flex-end;}
[class*="st-key-head-"] > [data-testid="stElementContainer"]:first-child {flex: 0 1 auto; min-width: 0;}
.st-key-under > [data-testid="stLayoutWrapper"] {min-width: min(100%, 330px);}
.st-key-top, .st-key-under {row-gap: 6px;}
.st-key-under {margin-top: -10px;}
.st-key-under [data-testid="stCaptionContainer"] {margin-bottom: 0;}
.st-key-under p {margin: 0;}
[class*="st-key-row-alarm"] .stMarkdownBadge {min-width: 76px; text-align: left;}
[class*="st-key-row-mover"] .stMarkdownBadge {min-width: 68px; text-align: right;}
[class*="st-key-row-"] {border-bottom: 1px solid light-dark(#EEF1F5, #232A34); padding: 1px 0 3px;}
[class*="st-key-row-"]:last-child {border-bottom: none;}
[class*="st-key-row-"] [data-testid="stPageLink-NavLink"] {padding: 4px 0;}
[class*="st-key-row-"] [data-testid="stPageLink-NavLink"] p {overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap;}
[data-testid="stMetric"] div:has(> [data-testid="stMetricDelta"]) {flex-wrap: wrap; row-gap: 1px;}
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p, [data-testid="stMetricDeltaDescription"] {
  color: light-dark(#5B6475, #9BA5B5); opacity: 1;}
[data-testid^="stBaseButton-primary"], [data-testid^="stBaseButton-primary"] p {color: light-dark(#FFFFFF, #0D1015);}
.st-key-facts [data-testid="stMarkdownContainer"] {margin-bottom: 0;}
.st-key-facts p {font-size: 13px; margin: 0;}
.st-key-facts [data-testid="stPageLink-NavLink"] {padding: 0; min-height: 0; background: transparent !important;
  font-weight: 400;}
.st-key-facts [data-testid="stPageLink-NavLink"] * {font-weight: 400 !important;}
.st-key-facts [data-testid="stPageLink-NavLink"]:hover {text-decoration: underline;}
.st-key-facts [data-testid="stPageLink-NavLink"] [data-testid="stIconMaterial"] {font-size: 14px;}
.st-key-facts {row-gap: 4px; padding-bottom: 2px;}
.st-key-error-span {background: color-mix(in srgb, #E0434F 10%, transparent); border-radius: 8px; padding: 8px 12px;}
.st-key-chat [data-testid="stChatMessage"] {padding: 8px 10px; gap: 10px; background: light-dark(#F7F8FA, #1A1F27);
  border-radius: 10px;}
.st-key-chat [data-testid="stChatMessage"] [data-testid="stVerticalBlock"] {gap: 6px;}
.st-key-chat {gap: 8px;}
.st-key-chat [data-testid="stCode"] pre {padding: 8px 12px; background: light-dark(#fff, #12161D);}
[data-testid="stCode"] .token {color: inherit;}
[data-testid="stCode"] .token:is(.property, .function, .attr-name, .class-name) {color: light-dark(#0B5CAD, #7FB2FF);}
[data-testid="stCode"] .token:is(.string, .char) {color: light-dark(#0B6B4B, #6FD3A6);}
[data-testid="stCode"] .token:is(.number, .boolean, .null) {color: light-dark(#9A4B00, #F0A35E);}
[data-testid="stCode"] .token:is(.keyword, .operator.word) {color: light-dark(#7A3EB1, #C6A0F6);}
[data-testid="stCode"] .token.comment {color: light-dark(#5B6475, #9BA5B5);}
[data-testid="stText"] {font-size: 13.5px;}
.st-key-panel-editor textarea {font-family: 'JetBrains Mono', ui-monospace, monospace; font-size: 12.5px;
  line-height: 1.55; tab-size: 4;}
.st-key-panel-schema [data-testid="stExpander"] p {font-size: 12.5px;}
.stMarkdownBadge {border-radius: 6px !important;}
[class*="st-key-head-"] h3 {padding: 0; font-size: 14px;}
[class*="st-key-head-"] button, [class*="st-key-filters"] button {min-height: 30px; padding: 2px 10px;}
[class*="st-key-head-"] [data-testid="stPopover"] button {font-size: 11px; opacity: .7; border: none;
  background: transparent; padding: 0 4px; min-height: 22px;}
[class*="st-key-head-"] [data-testid="stPopover"] button:hover {opacity: 1;}
h1 {letter-spacing: -.02em; padding: 0 !important;}
[data-testid="stSidebar"] [data-testid="stSidebarHeader"] {height: 2.2rem;}
[data-testid="stSidebar"] a[data-testid="stPageLink-NavLink"] {padding: 5px 10px; border-radius: 8px;}
[data-testid="stSidebar"] .st-key-brand p {font-size: 17px; font-weight: 700; letter-spacing: -.02em;}
[data-testid="stSidebar"] [class*="st-key-section-"] {gap: 2px;}
.sl-legend {display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12px; line-height: 18px; padding: 2px 0 4px;}
.sl-legend span {display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; opacity: .85;}
.sl-legend i {width: 9px; height: 9px; border-radius: 3px; display: inline-block;}
.sl-diff {font-size: 13px; line-height: 1.5; border: 1px solid light-dark(#E3E7ED, #2A313C); border-radius: 8px;
  overflow: hidden;}
.sl-diff > div {display: grid; grid-template-columns: 1fr 1fr;}
.sl-diff > div > div {padding: 3px 12px; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0;}
.sl-diff > div > div + div {border-left: 1px solid light-dark(#E3E7ED, #2A313C);}
.sl-diff .changed > div:first-child {background: light-dark(#FFF6EE, #2A1F16);}
.sl-diff .changed > div:last-child {background: light-dark(#EEF4FF, #16213A);}
.sl-diff .folded > div {font-size: 11.5px; opacity: .75; background: light-dark(#F8F9FB, #1A1F27); padding: 2px 12px;}
.sl-diff del {background: light-dark(#FBD3AE, #6B3E14); color: inherit; text-decoration: none;}
.sl-diff ins {background: light-dark(#C4D7FF, #24468F); color: inherit; text-decoration: none; font-weight: 550;}
.sl-span-frame {overflow: auto; position: relative;}
.sl-span-axis {position: sticky; top: 0; height: 22px; z-index: 3; background: light-dark(#fff, #151920);}
.sl-span-axis span {position: absolute; font-size: 11px; color: light-dark(#5B6475, #9BA5B5); white-space: nowrap;}
.sl-spans {position: relative;}
.sl-span-line {position: absolute; top: 0; bottom: 0; width: 1px; background: rgba(128,140,160,.2);}
.sl-span {position: relative; display: flex; height: 26px; align-items: center; cursor: pointer; border-radius: 4px;}
.sl-span:hover {background: rgba(128,140,160,.1);}
.sl-span[aria-selected=true] {background: rgba(76,111,224,.16);}
.sl-span:focus-visible {outline: 2px solid light-dark(#3B5BDB, #8DA2FB); outline-offset: -2px;}
.sl-span-name {flex: 0 0 var(--sl-names); box-sizing: border-box; display: flex; align-items: center; gap: 4px;
  padding-right: 8px; font-size: 12.5px; white-space: nowrap; overflow: hidden;}
.sl-span-name i {flex: 0 0 12px; font-style: normal; font-size: 11px; text-align: center;}
.sl-span-name span {overflow: hidden; text-overflow: ellipsis;}
.sl-span-name b {font-weight: 500; font-size: 11px; color: light-dark(#5B6475, #9BA5B5);}
.sl-span-lane {position: relative; flex: 1; height: 100%;}
.sl-span-bar {position: absolute; top: 5px; height: 15px; border-radius: 3px;}
.sl-span-path {position: absolute; bottom: 2px; height: 3px; border-radius: 2px;}
.sl-span-figures {position: absolute; top: 5px; font-size: 11px; line-height: 15px; white-space: nowrap;
  font-variant-numeric: tabular-nums; color: light-dark(#1B1F27, #E6E9EF);}
.sl-legend i.line {width: 18px; height: 3px;}
.sl-frame {position: relative; outline-offset: 2px; border-radius: 6px; line-height: 0;}
.sl-frame svg {display: block; touch-action: pan-y;}
.sl-frame svg.sl-pick {cursor: pointer;}
.sl-frame text {font-size: 11.5px; fill: light-dark(#5B6475, #9BA5B5); font-variant-numeric: tabular-nums;}
.sl-frame text.sl-value {fill: light-dark(#1B1F27, #E6E9EF); font-size: 11px;}
.sl-frame .sl-mark {fill: light-dark(#1B1F27, #E6E9EF); opacity: .1; pointer-events: none;}
.sl-tip {position: absolute; top: 4px; z-index: 5; max-width: 340px; pointer-events: none; padding: 6px 10px;
  background: light-dark(#fff, #1E242D); border: 1px solid light-dark(#E3E7ED, #2A313C); border-radius: 8px;
  box-shadow: 0 4px 14px rgba(16,24,40,.14); font-size: 12px; line-height: 18px; overflow-wrap: anywhere;}
.sl-tip[hidden] {display: none;}
.sl-tip b {font-weight: 600; display: block;}
.sl-tip i {width: 9px; height: 9px; border-radius: 3px; display: inline-block; margin-right: 6px;}
.sl-list {position: relative;}
.sl-scroll {overflow: auto; border: 1px solid light-dark(#ECEFF3, #252C36); border-radius: 8px;}
.sl-table {border-collapse: collapse; table-layout: fixed; width: 100%; font-size: 13px;}
.sl-table th {position: sticky; top: 0; z-index: 1; height: 33px; padding: 0; text-align: left;
  background: light-dark(#F8F9FB, #1A1F27); box-shadow: inset 0 -1px light-dark(#ECEFF3, #252C36);}
.sl-table th button {all: unset; box-sizing: border-box; width: 100%; padding: 0 8px; font-size: 12px; font-weight: 550;
  color: light-dark(#5B6475, #9BA5B5); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; cursor: pointer;}
.sl-table th button:focus-visible {outline: 2px solid light-dark(#3B5BDB, #8DA2FB); outline-offset: -2px;}
.sl-table th[aria-sort=descending] button::after {content: " ↓" / "";}
.sl-table th[aria-sort=ascending] button::after {content: " ↑" / "";}
.sl-table td {height: 32px; padding: 0 8px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  border-top: 1px solid light-dark(#ECEFF3, #252C36);}
.sl-table tbody tr:first-child td {border-top: none;}
.sl-table .right {text-align: right; font-variant-numeric: tabular-nums;}
.sl-table .none {color: light-dark(#5B6475, #9BA5B5);}
.sl-table .failed {color: light-dark(#C62835, #F4646C);}
.sl-table.click tbody tr {cursor: pointer;}
.sl-table.click tbody tr:hover, .sl-table.click tbody tr:focus-visible {background: light-dark(#F4F6FB, #1E2530);}
.sl-table.click tbody tr:focus-visible {outline: 2px solid light-dark(#3B5BDB, #8DA2FB); outline-offset: -2px;}
.sl-bar {display: inline-block; width: calc(100% - 58px); height: 6px; margin-right: 8px; vertical-align: middle;
  border-radius: 3px; background: light-dark(#EEF1F5, #232A34); overflow: hidden;}
.sl-bar i {display: block; height: 100%; border-radius: 3px; background: light-dark(#4C6FE0, #8DA2FB);}
.sl-bar + span {font-variant-numeric: tabular-nums;}
.sl-table td.wrap {white-space: normal; line-height: 18px; padding: 6px 8px;}
.sl-csv {all: unset; position: absolute; right: 6px; bottom: 6px; padding: 1px 8px; border-radius: 6px; font-size: 11px;
  cursor: pointer; opacity: 0; background: light-dark(#fff, #1E242D); border: 1px solid light-dark(#E3E7ED, #2A313C);}
.sl-list:hover .sl-csv, .sl-csv:focus-visible {opacity: 1;}
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] {padding-left: .9rem; padding-right: .9rem; padding-top: 3rem;}
}
"""


def apply() -> None:
    """Put the rules of CSS on the page. They hold no text from outside."""
    st.html(f"<style>{CSS}</style>")
