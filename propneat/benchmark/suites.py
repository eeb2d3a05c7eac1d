"""Named lists of data sets."""

from collections.abc import Sequence

from propneat.base.errors import ConfigError
from propneat.data import CatalogueEntry, read_catalogue
from propneat.data.catalogue import find_suggestion

__all__ = ["SUITES", "suite_names"]

SUITES = {
    "embedded": "classification sets that come with propneat, one of each family; no network",
    "pmlb58": "the binary PMLB sets of the PropNEAT paper: 59 names, of which it reports 58 without saying which one not",
    "pmlb58-distinct": "the same without near-duplicates, one set of each family",
    "pmlb-binary": "every binary PMLB set of the catalogue",
    "tabmini": "the sets of the TabMini study (Knauer, Grimm, Rodner 2024) that are in the catalogue",
    "regression-embedded": "regressions that come with propneat; no network",
    "srbench": "the 122 regressions of SRBench without a known formula (La Cava et al. 2021)",
    "srbench-2025": "the twelve of them that SRBench's edition of 2025 keeps",
}

_LEFT_OUT = ("agaricus_lepiota", "breast")
"""On the authors' list, and left out of their evaluation."""

_TABMINI = (
    "parity5 appendicitis molecular_biology_promoters mux6 corral glass2 backache prnn_crabs sonar biomed prnn_synth spect "
    "heart_statlog breast_cancer heart_h hungarian cleve heart_c bupa spectf ionosphere colic house_votes_84 vote saheart "
    "clean1 irish"
).split()

_SRBENCH = (
    "1027_ESL 1028_SWD 1029_LEV 1030_ERA 1089_USCrime 1096_FacultySalaries 1191_BNG_pbc 1193_BNG_lowbwt 1196_BNG_pharynx "
    "1199_BNG_echoMonths 1201_BNG_breastTumor 1203_BNG_pwLinear 1595_poker 192_vineyard 195_auto_price 197_cpu_act 201_pol "
    "207_autoPrice 210_cloud 215_2dplanes 218_house_8L 225_puma8NH 227_cpu_small 228_elusage 229_pwLinear 230_machine_cpu "
    "294_satellite_image 344_mv 4544_GeographicalOriginalofMusic 485_analcatdata_vehicle 503_wind 505_tecator 519_vinnie "
    "522_pm10 523_analcatdata_neavote 527_analcatdata_election2000 529_pollen 537_houses 542_pollution 547_no2 "
    "556_analcatdata_apnea2 557_analcatdata_apnea1 560_bodyfat 561_cpu 562_cpu_small 564_fried 573_cpu_act 574_house_16H "
    "579_fri_c0_250_5 581_fri_c3_500_25 582_fri_c1_500_25 583_fri_c1_1000_50 584_fri_c4_500_25 586_fri_c3_1000_25 "
    "588_fri_c4_1000_100 589_fri_c2_1000_25 590_fri_c0_1000_50 591_fri_c1_100_10 592_fri_c4_1000_25 593_fri_c1_1000_10 "
    "594_fri_c2_100_5 595_fri_c0_1000_10 596_fri_c2_250_5 597_fri_c2_500_5 598_fri_c0_1000_25 599_fri_c2_1000_5 "
    "601_fri_c1_250_5 602_fri_c3_250_10 603_fri_c0_250_50 604_fri_c4_500_10 605_fri_c2_250_25 606_fri_c2_1000_10 "
    "607_fri_c4_1000_50 608_fri_c3_1000_10 609_fri_c0_1000_5 611_fri_c3_100_5 612_fri_c1_1000_5 613_fri_c3_250_5 "
    "615_fri_c4_250_10 616_fri_c4_500_50 617_fri_c3_500_5 618_fri_c3_1000_50 620_fri_c1_1000_25 621_fri_c0_100_10 "
    "622_fri_c2_1000_50 623_fri_c4_1000_10 624_fri_c0_100_5 626_fri_c2_500_50 627_fri_c2_500_10 628_fri_c3_1000_5 "
    "631_fri_c1_500_5 633_fri_c0_500_25 634_fri_c2_100_10 635_fri_c0_250_10 637_fri_c1_500_50 641_fri_c1_500_10 "
    "643_fri_c2_500_25 644_fri_c4_250_25 645_fri_c3_500_50 646_fri_c3_500_10 647_fri_c1_250_10 648_fri_c1_250_50 "
    "649_fri_c0_500_5 650_fri_c0_500_50 651_fri_c0_100_25 653_fri_c0_250_25 654_fri_c0_500_10 656_fri_c1_100_5 "
    "657_fri_c2_250_10 658_fri_c3_250_25 659_sleuth_ex1714 663_rabe_266 665_sleuth_case2002 666_rmftsa_ladata "
    "678_visualizing_environmental 687_sleuth_ex1605 690_visualizing_galaxy 695_chatfield_4 706_sleuth_case1202 "
    "712_chscase_geyser1 banana titanic"
).split()
"""As PMLB 1.0 lists its regressions; two of them, banana and titanic, have two classes for numbers."""

_SRBENCH_2025 = (
    "522_pm10 678_visualizing_environmental 1193_BNG_lowbwt 192_vineyard 1028_SWD 1199_BNG_echoMonths "
    "557_analcatdata_apnea1 650_fri_c0_500_50 579_fri_c0_250_5 606_fri_c2_1000_10 1089_USCrime 210_cloud"
).split()
"""In the order of the published figure."""


def suite_names(suite: str) -> list[str]:
    """Return the data sets of a suite in alphabetical order; raises ConfigError, naming the suites, for one there is not."""
    known = read_catalogue().values()
    entries = [entry for entry in known if entry.task != "regression"]
    if suite == "embedded":
        return _one_per_family([entry for entry in entries if entry.embedded])
    if suite == "pmlb58":
        return [entry.name for entry in _paper(entries)]
    if suite == "pmlb58-distinct":
        return _one_per_family(_paper(entries))
    if suite == "pmlb-binary":
        return [entry.name for entry in entries if entry.task == "binary" and entry.sha256 is not None]
    if suite == "tabmini":
        return sorted(_TABMINI, key=str.lower)
    if suite == "regression-embedded":
        return [entry.name for entry in known if entry.task == "regression" and entry.embedded]
    if suite in ("srbench", "srbench-2025"):
        return sorted(_SRBENCH if suite == "srbench" else _SRBENCH_2025, key=str.lower)
    close = find_suggestion(suite, SUITES)
    hint = f"did you mean {close!r}?" if close else f"the suites are {', '.join(SUITES)}"
    raise ConfigError(f"there is no suite {suite!r}: {hint}")


def _paper(entries: Sequence[CatalogueEntry]) -> list[CatalogueEntry]:
    return [entry for entry in entries if entry.in_paper_list and entry.name not in _LEFT_OUT]


def _one_per_family(entries: Sequence[CatalogueEntry]) -> list[str]:
    """Keep the first of every family, its namesake where that is among them."""
    names = {entry.name for entry in entries}
    kept: dict[str, str] = {}
    for entry in entries:
        kept.setdefault(entry.family, entry.family if entry.family in names else entry.name)
    return sorted(kept.values(), key=str.lower)
