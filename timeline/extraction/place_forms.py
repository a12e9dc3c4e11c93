# ruff: noqa: E501
"""Holds the patterns of place names: kinds, parts, distances, relations, roads, anaphors.

Data for the most part; every quantifier is bounded, so that no text makes them slow.
"""

from __future__ import annotations

import re

from timeline.extraction.date_forms import NUMBERS

SETTLEMENT = r"(?:[Tt]own|[Cc]ity|[Vv]illage|[Hh]amlet|[Ss]ettlement|[Ss]uburb|[Dd]istrict|[Nn]eighbou?rhood|[Pp]ort|[Cc]amp|[Cc]rossing|[Ii]sland)s?"
SITE = (
    r"(?:(?:[Mm]ilitary |[Ii]nternational |[Rr]efugee |[Bb]order |[Aa]rmy |[Aa]ir[ -]?)?(?:[Aa]irport|[Aa]irbase|[Bb]ase|[Aa]irfield|[Cc]amp|[Cc]rossing|"
    r"[Dd]am|[Bb]arracks|[Rr]efinery|[Hh]ospital|[Bb]ridge|[Cc]itadel|[Pp]rison|[Pp]ort|[Oo]il ?field|"
    r"[Hh]ill|[Mm]ountains?|[Dd]istrict|[Nn]eighbou?rhood|[Ss]uburb|[Tt]own|[Cc]ity|[Vv]illage|[Ii]sland|[Ss]quare))"
)
REGION = r"(?:[Cc]ountryside|[Pp]rovince|[Gg]overnorate|[Rr]egion|[Oo]blast|[Ss]tate|[Ss]uburbs|[Vv]alley)"
NAME = r"(?:[A-Z][\w']*(?:-[A-Za-z][\w']*)*|(?:al|el|ash|as|az|ar|ad|at|an)-[A-Z][\w']+)"
NAMES = rf"{NAME}(?: (?:de |du |la |el )?{NAME}){{0,3}}"
COMPASS = {
    "north": 0.0,
    "north-east": 45.0,
    "east": 90.0,
    "south-east": 135.0,
    "south": 180.0,
    "south-west": 225.0,
    "west": 270.0,
    "north-west": 315.0,
}
DIRECTION = r"(?:(?:north|south)[- ]?(?:east|west)|north|south|east|west)"
PART = r"(?:(?:north|south)[- ]?(?:east|west)|north|south|east|west|North|South|East|West)(?:ern)?"
NUMBER_WORDS = {word: number for number, word in enumerate(NUMBERS[:13])}
OF = r"(?:the )?(?:(?:town|city|village|district) of )?(?:the )?"
AWAY = re.compile(
    rf"(?:(?P<n>\d{{1,3}}(?:\.\d+)?|{'|'.join(NUMBER_WORDS)})[ -]*(?P<unit>km|kms|kilomet(?:er|re)s?|miles?)"
    rf"(?: meters)?(?: away)? )?(?:to the )?(?:just )?(?P<way>{DIRECTION})? ?(?:of|from) {OF}\Z"
)
NEAR = re.compile(
    r"\b(?P<word>near|around|outside|close to|next to|beside|by|on the (?:\w+ )?outskirts of|"
    r"on the edge of|in the vicinity of|at the gates of|overlooking|opposite|in the (?:\w+ )?suburbs of|"
    rf"vicinity of|surrounding|adjacent to|along|over) {OF}\Z",
    re.IGNORECASE,
)
TOWARD = re.compile(
    rf"\b(?:(?:left|leave|leaving|departed|set (?:out|off)|headed) (?:(?:from )?[^ ,.;]+ ){{0,3}}for|(?:retreat|withdr[ae]w|fled|flee|pull|mov|went|go|escap|march|driv|return|evacuat|"
    rf"transferr?|tak|flown|sent)\w*(?: \w+)? (?:on |back |off )?(?:to|for)|towards?|heading (?:to|for)|bound for|on its way to|en route to|in the direction of) {OF}\Z",
    re.IGNORECASE,
)
PARTLY = re.compile(
    rf"\b(?:the )?(?P<part>{PART}) (?:(?:part|side|parts|edge|districts?|neighbou?rhoods?|outskirts|quarters?|flank) of )?{OF}\Z",
    re.IGNORECASE,
)
BETWEEN = re.compile(rf"\bbetween {OF}(?:[^,.;]{{2,40}} and {OF})?\Z", re.IGNORECASE)
REGION_BEFORE = re.compile(rf"(?:(?:the )?(?P<part>(?i:{PART})) )?{REGION} of (?:the )?\Z")
REGION_AFTER = re.compile(rf"(?:'s)? (?:(?P<part>{PART}) )?{REGION}\b")
SITE_AFTER = re.compile(rf" {SITE}\b")
PART_BEFORE = re.compile(rf"\b(?P<part>{PART}) \Z")
KIND_OF = re.compile(rf"\b(?:{SETTLEMENT}|{SITE}|{REGION}) of (?:the )?(?P<name>{NAMES})")
KIND_AFTER = re.compile(rf"\b(?P<name>{NAMES}) (?:{SITE}|{REGION})\b")
LOOSE = re.compile(
    rf"\b(?:in|In|at|At|near|Near|around|outside|inside|into|from|towards?|to|of|across|over|on|captured|seized|took|"
    rf"retook|recaptured|overran|won back|won|regained|took back|entered|left|holds|seizes|captures|takes|retakes|enters|besieges?|besieging|occupy|occupies|storming|shelling|bombing|attacking|entering|reaching|approached|approaching|cleared|grabbed|shelled|bombed|stormed|held|hold|controls?|besieged|hit|struck|abandoned|vacated|evacuated|liberated|reached|occupied|surrounded|encircled|bombarded|"
    rf"attacked|raided|targeted|lost|leave|leaving|capture|capturing|seize|seizing|take|taking|retake|recapture|enter|storm|and|,) "
    rf"(?:the )?(?P<name>{NAMES})"
)
# A name at the head of a clause that only a place can be the subject of: "X fell to the rebels".
SUBJECT = re.compile(
    rf"(?:\A|(?<=[.;:,\n] )|(?<=\n)|(?<=that )|(?<=and )|(?<=while )|(?<=after )|(?<=as )|(?<=— )|(?<=– ))(?P<name>{NAMES})"
    r"(?= (?:(?:itself |also |then |later |now |still |in turn )?(?:fell|surrendered to|changed hands|came under (?:fire|attack|shelling|bombardment|heavy|siege|the control)|remains? (?:in|under)|passed (?:in)?to)"
    r"|(?:has|had|was|were|is|are|will be) (?:also |then |later |now |still |since |again |been |already |first |briefly |not ){0,2}"
    r"(?:fallen|overrun|recaptured|retaken|besieged|encircled|shelled|bombed|bombarded|stormed|liberated|reconquered|in the hands|under (?:the )?control|cut off|razed|lost to))\b)"
)
# Words that keep "the other town" from standing for the last one named.
_ANOTHER = r"(?:next|other|nearby|neighbou?ring|nearest|first|second|third|last|only|largest|main|in|of|on|at|to|first|border|own)"
SITE_KINDS = {
    "base": ("base", "airbase", "air base", "airport", "airfield", "camp", "garrison"),
    "station": ("station", "plant"),
}
PART_OF_TOWN = re.compile(
    r"\b(?:[Qq]uarter|[Dd]istrict|[Nn]eighbou?rhood|[Ss]uburb|[Ss]treet|[Ss]quare)s?\b"
)
ANAPHOR = re.compile(
    rf"\b[Tt]h(?:e|at|is) (?!{_ANOTHER} )(?:Old |[a-z-]+ )?(?P<kind>town|city|City|village|hamlet|settlement|base|airbase|air base|airport|airfield|camp|station|plant|dam|area|"
    r"district|neighbou?rhood|crossing|hill|island|province|enclave|garrison|port|hospital|bridge|refinery|provincial capital)\b(?! (?:of|was named|called) (?:[A-Z]|[ae][a-z]{1,2}-))(?! (?:council|centre|hall|official))"
)
SEVERAL = re.compile(
    r"\b(?:[Tt]he (?:two|three|four|twin|neighbou?ring)|[Bb]oth) (?:[a-z-]+ )?(?P<kind>town|villages?|citie|settlement|hamlet|suburb|base)s?\b"
)
ROAD = re.compile(
    r"\b(?:the |a |its |their |an |supplying )?(?:[Oo]nly |[Mm]ain |[Ss]trategic |[Vv]ital |[Kk]ey |[Ll]ast |[Cc]oastal )*(?:supply(?:ing)? |land |army's )?"
    r"(?:road|highway|route|motorway|supply line|corridor)s?"
)
ROAD_AFTER = re.compile(
    r"(?:\s+(?:to|of|between|from|linking|connecting|into|that links?|leading(?: from)?|it|out of|for|toward|through|near|and|with|the|town|city|"
    r"Assad|regime|government|capital)|\s+[A-Z][\w'-]+){1,8}"
)
NOT_PLACES = re.compile(
    r"\A(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|\A(?:January|February|March|April|May|June|July|August|"
    r"September|October|November|December)\b|\A(?:The|It|He|She|They|A|An|In|On|At|But|And|After|Before|Some|Most|"
    r"Several|Both|Neither|Either|Each|That|This|These|Those|Its|Their|His|Her|Our|Such|All|None|No|Every|Another|Local|Ramadan|Eid|Islam|Friday|God|President|Prime|General|Colonel|Major|Captain|Lieutenant|Mr|Mrs|Dr|Minister|"
    r"Britain|France|Germany|Australia|Canada|Italy|Spain|Belgium|Denmark|Netherlands|Norway|Sweden|Japan|Austria|Switzerland|Brigade|Army|Battalion|Division|Regiment|Ministry|United|Nations|Twitter|Facebook|Telegram|Reuters|AFP|Human|State|Security|Defence|Defense|Foreign|Special|Later|Earlier|Who)\b(?!-)"
)
ADJECTIVAL_AFTER = re.compile(r"-(?:led|backed|held|made|controlled)|'s (?:army|forces|troops)")
ARMED_AFTER = re.compile(
    r" (?:clan|tribe|tribesmen|regiment|movement|party|family|forces|troops|army|fighters|militants|rebels|jets|soldiers|officials|government|military|"
    r"militia|groups?|missiles?|positions|areas|territory|hands|targets|rockets?|drones?|artillery|"
    r"tanks?|helicopters?|guns?)"
)
SOLDIERS_AFTER = re.compile(
    r" (?:soldiers|troops|forces|fighters|militants|rebels|peacekeepers|commandos|police|marines)\b"
)
ORGANISATION = re.compile(
    r"(?:Army|Forces|Brigade|Division|Front|Movement|Party|Council|Ministry|Agency|Union|Group|Guard|"
    r"Observatory|Battalion|Coalition|Corps|Organi[sz]ation|Rights|Day|State|Centre|Center|"
    r"Committee|Command|Services?|Programme|Program|Bank|Fund|Cross|Crescent|Watch|International|"
    r"Society|Foundation|Institute|Company|Times|Post|News|Television|Radio|Embassy)\Z"
)
NATIONALITY = re.compile(
    r"(?:deshi|istani|ian|ish|ese|isti|eni|raqi|aeli|ench|utch|man|can|Houthi|Kurd|Taliban|Emirati|Saudi|Tuareg|Rohingya)s?\Z"
)
ADJECTIVE = re.compile(
    r"(?:Kenyan|Ugandan|Rwandan|Angolan|Mozambican|Moroccan|Mexican|Cuban|Korean|European|African|Burkinabe|Burkinabè|Nigerien|Philippine|[A-Z][a-z]+(?:ian|ish|nese|lese)|Thai|Bangladeshi|Pakistani|Afghan|Somali|Turkmen|Arab|Christian|Druze|Alawite|Yazidi|Shiite|Tuareg|Fulani|Dogon|Rohingya|Bedouin|Iraqi|Yemeni|Saudi|Israeli|French|Dutch|Emirati|German|American|Western|Chechen|Kurd|Shia|Sunni)"
)
COUNTRY = re.compile(
    r"Syria|Iraq|Turkey|Lebanon|Jordan|Iran|Israel|Libya|Egypt|Chad|Niger|Mali|Algeria|Mauritania|Benin|Togo|Ghana|Nigeria|Thailand|China|India|"
    r"Bangladesh|Laos|Russia|Belarus|Poland|Romania|Moldova|Ukraine|Yemen|Oman|Sudan|South Sudan|Ethiopia|Eritrea|Myanmar|Burkina Faso|Afghanistan|Saudi Arabia|Europe|Africa"
)
IN_TOWN = re.compile(r"(?: [a-z-]+){0,2} in (?:the )?(?:(?:town|city|heart|centre) of )?")
# As in "two quarters, X and Y", "its last outpost, X": what follows the comma is its name.
KIND_BEFORE = re.compile(
    r"\b(?:quarter|district|village|town|stronghold|outpost|hill|base|suburb|hamlet|neighbou?rhood|bastion|settlement)s?\Z"
)
# As in "thousands of Masalit", "200 of Haftar's": what is counted is people.
COUNTED_BEFORE = re.compile(
    r"\b(?:thousands|hundreds|dozens|scores|tens|some|many|most|several|\d+|families|killing|massacre|murder|hideout|house|home|forces|fighters|gunmen|men|troops|soldiers|militia|death|arrest|loyalists|supporters|followers|son|brother|remnants|rule) \Z"
)
# Capitals whose names are those of governments too: "a drone attack on Abu Dhabi".
CAPITAL = re.compile(
    r"Abu Dhabi|Riyadh|Tehran|Asmara|Kigali|Addis Ababa|Ankara|Moscow|Beijing|Cairo|Algiers|Baku|Yerevan|Islamabad|New Delhi|N'Djamena|"
    r"Tripoli|Kabul|Mogadishu|Kinshasa|Tbilisi|Manila|Bangui|Maputo"
)
CAPITAL_LEAD = re.compile(
    r"(?:[Nn]ear|[Oo]utside|[Aa]round|[Aa]t|on|(?:airport|port|suburbs|outskirts|centre) of|captured|seized|took|entered|stormed|bombed|shelled|hit|struck|left|reached) \Z"
)
# As in "took X on 8 April, Y on 29 April": what a date follows is rather a place than a person.
DATED_AFTER = re.compile(
    r" (?:on |in )?(?:\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December)|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|the (?:next|same|following) day|a (?:day|week) later)\b"
)
OFF_TOWN = re.compile(
    r", (?:an? |the |some )?(?:[a-z-]+ ){0,2}(?:town|village|hamlet|hill|base|camp|suburb|\d+ (?:km|kilomet))[^.;]{0,30}\Z"
)
OF_NAME = re.compile(rf" of (?:the )?{NAME}")
# As in "X, a northern district", which is one of the town told of; not "X, a district of Y".
QUARTER_AFTER = re.compile(
    r", (?:an?|the|its|another) (?:[\w-]+ ){0,2}(?:district|quarter|neighbou?rhood|suburb)(?! (?:of|in|south|north|east|west)\b)"
)
TOWN_AFTER = re.compile(r" (?:[a-z]+ )?(?:town|city|village|port|district|province) of ")
SITE_NAMED = re.compile(
    r" (?:[Aa]irport|[Aa]irbase|[Bb]ase|[Aa]irfield|[Bb]arracks|[Dd]am|[Cc]amp)\Z"
)
STREET = re.compile(r"(?:Highway|Road|Street|Avenue|Motorway)\Z")
ROAD_MARK = re.compile(
    r"\b(?:coast(?:al)?|ring|desert|[A-Z]\d{1,3}|[A-Z][\w']+[-–][A-Z][\w']+) ?\Z"
)
TITLE_BEFORE = re.compile(
    rf"\b(?!{SETTLEMENT}|{SITE}|{REGION}|{PART}|Most|Some|Parts|All|Half|Units|Residents|Battle|People|Hundreds|Dozens|Government)[A-Z][a-z]+ \Z"
)
# Parts of longer names, before which the gazetteer's name is another place's; and the Donets is a river.
_LONGER = re.compile(
    r"\b(?:Umm|Abu|Abou|Tell|Tall|Tal|Khan|Kafr|Kfar|Deir|Dayr|Jabal|Jebel|Wadi|Ain|Ayn|Bir|Ras|Bayt|Beit|Khirbet|Khirbat|"
    r"Qal'at|Burj|Nahr|Albu|Velyka|Mala|Nova|Novo|Novyi|Stara|Staryi|Verkhnia|Nyzhnia|Nizhny|Veliky|New|Upper|Lower|Mount|Lake)"
    r"[ -](?:al-|el-)?\Z"
)
_AFTER_RIVER = re.compile(
    r"(?: (?:by|to|in|on|at|and|from|with|for|near|as|which|that|after|before|where|river|delta)\b|[,.;)])"
)


def is_no_place_here(text: str, start: int, end: int) -> bool:
    """Whether a known name stands here for something else: a longer name, a river, a source."""
    before = text[max(0, start - 24) : start]
    if _LONGER.search(before) or re.search(r"\b[Aa]ccording to (?:the )?\Z", before):
        return True
    is_bare = text[start:end].isalpha() and text[start].isupper()
    return is_bare and before.endswith("the ") and _AFTER_RIVER.match(text, end) is not None
