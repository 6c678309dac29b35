"""What chest X-ray reports call things.

What a phrase stands for follows the published labellers of such reports where they agree: heart
failure and congestion are oedema, scars are fibrosis (Irvin et al., "CheXpert", arXiv:1901.07031;
Wang et al., "ChestX-ray8", arXiv:1705.02315). Opacities of the air spaces are `Infiltration`, the
only label of the vocabulary that leaves their cause open.
"""

from sequela.conditioning.reports.rules.lexicon import Lexicon

_HEART = r"(?:heart|cardiac|cardiomediastinal|cardiothoracic|cardio ?pericardial)"
_ANGLE = r"(?:costophrenic|costofrenic|cp|rib phrenic) (?:angle|sinus|recess|sulcus|sulci)(?:s|es)?"
_GAP = r"(?:\W+(?!(?:not|no|less)\b)\w+){0,4}?\W+"
_PARTS = r"(?:lobes?|zones?|fields?|lungs?)"
_PART = rf"(?:(?:\w+ )?{_PARTS}|(?=(?:and|to|or) (?:\w+ )?(?:upper|middle|mid|lower) {_PARTS}))"

CHEST_LEXICON = Lexicon(
    domain="chest",
    modality=(
        r"cxr",
        r"chest (?:x ?ray|xray|film|radio\w+|roentgen\w*|plain film|ap|pa|portable)",
        r"(?:x ?ray|film|radio\w+) of (?:the )?(?:chest|thorax)",
        r"thora(?:x|cic)",
        r"lungs?",
        r"pleura\w*",
        r"pulmonary",
        r"cardiopulmonary",
        r"costophrenic",
        r"(?:hemi)?diaphragms?",
        r"mediastin\w+",
        r"heart",
    ),
    findings={
        "Atelectasis": (
            r"atelecta\w+",
            r"collapsed? (?:of )?(?:the )?(?:\w+ ){0,2}(?:lung|lobe)",
            r"(?:lobar|lung|segmental) collapse",
            r"collapse",
            r"volume loss",
            r"loss of volume",
        ),
        "COVID-19": (
            r"covid(?: ?19)?",
            r"sars ?cov ?2",
            r"sars ?cov2",
            r"(?:novel )?coronavirus(?: disease)?(?: 2019)?",
            r"(?:2019 ?)?ncov",
        ),
        "Cardiomegaly": (
            r"cardiomegaly",
            r"cardiac enlargement",
            r"(?:enlarged|enlargement)(?: of)?(?: the)? (?:heart|cardi\w+)(?: \w+)?",
            r"(?:increased|large) (?:heart|cardiac)(?: size| silhouette| shadow)?",
            rf"{_HEART}{_GAP}(?:enlarged|enlargement|dilated|increased)",
            r"cardiac transverse diameter increased?",
        ),
        "Consolidation": (
            r"(?:air ?space )?consolidat(?:ion|ions|ed|ive)(?: opacit(?:y|ies))?",
            r"condensations?(?: shadows?)?",
        ),
        "Edema": (
            r"(?:pulmonary |interstitial |alveolar |lung )*edema",
            r"(?:congestive |cardiac )?(?:heart )failure",
            r"chf",
            r"(?:pulmonary |vascular |venous |pulmonary vascular )*congesti(?:on|ve)(?: changes)?",
            r"vascular (?:engorgement|redistribution|prominence)",
            r"cephalization",
            r"kerley(?: b)?(?: lines)?",
            r"(?:fluid|volume) overload",
            r"fluid (?:in|on) the lungs",
            r"ards",
            r"acute respiratory distress syndrome",
        ),
        "Effusion": (
            r"(?:hydro|hemo)thora(?:x|ces)",
            r"(?:pleural |parapneumonic |subpulmonic )?effusions?",
            r"effusive",
            r"pleural (?:fluid|liquid|collections?)",
            r"(?:layering|loculated|free) fluid",
            r"(?:left|right|bilateral|basal) (?:sided |basal )?fluid",
            r"fluid in the (?:\w+ )?(?:fissure|pleural \w+)",
            r"hydropneumothora(?:x|ces)",
            r"empyema",
            r"(?:blunt|obliterat|veil|obscure|obscuring)\w*"
            rf"(?: of)?(?: the)?(?: \w+){{0,3}}? {_ANGLE}",
            rf"{_ANGLE}{_GAP}(?:blunt\w+|obliterat\w+|veiled|obscured|less sharp|not sharp)",
        ),
        "Emphysema": (
            r"emphysema\w*",
            r"copd",
            r"chronic obstructive pulmonary disease",
            r"hyper ?(?:inflat|expan)\w+",
            r"bull(?:ae?|ous)(?: disease| changes?)?",
        ),
        "Fibrosis": (
            r"(?:pulmonary |interstitial )*fibro(?:sis|tic)(?: \w*changes?)?",
            r"scar(?:s|ring)?",
            r"honeycombing",
        ),
        "Hernia": (r"(?:hiatal |hiatus |diaphragmatic |bochdalek |morgagni )?herni(?:as?|ation)",),
        "Infiltration": (
            r"(?:\w*interstitial |alveolar |airspace |pulmonary |lung )*infiltrat(?:es?|ions?)",
            r"(?:parenchymal |interstitial |airspace |alveolar |lung |pulmonary )*"
            r"(?:opacity|opacities|opacifications?|opacified)",
            r"ground glass(?: \w+)? ?(?:opaci\w+|infiltrates?|shadow\w*|density|densities|"
            r"appearances?|changes?|areas?)?",
            r"(?:frosted|shaded) glass(?: opacities| areolae?| areas?)?",
            r"(?:air ?space|alveolar) (?:disease|changes?|shadow\w*|process|density|densities)",
            r"(?:patchy|infiltrative|lung|pulmonary|blurred) (?:shadow\w*|density|densities)",
            r"haziness",
            r"(?:coarsening|prominence|increase) (?:of|in) (?:the )?(?:lung|bronchovascular|"
            r"interstitial) markings",
            r"increased (?:lung|bronchovascular|interstitial) markings",
            r"(?:uneven|bilateral|septal|interstitial \w+) thickenings?",
            r"white ?out",
            r"interstitial (?:markings|thickening|prominence|pattern|(?:lung )?disease|changes?)",
            r"reticul(?:ar|onodular|ation)\w*(?: pattern| markings| changes?)?",
            r"parenchymal thickenings?",
            r"(?:thickening|increase|reinforcement)s? (?:of|in) the "
            r"(?:peribronco ?vascular |peribroncho ?vascular |interstitial )"
            r"(?:interstitium|interstitial|texture|plot)(?: plot)?",
            r"hypodiaphan\w+|hypodiaphaly",
        ),
        "Mass": (
            r"mass(?:es)?",
            r"tumors?",
            r"neoplasms?",
            r"lung cancer",
            r"(?:bronchogenic |lung )carcinoma",
            r"malignancy",
        ),
        "Nodule": (
            r"nodules?",
            r"nodular (?:opacit\w+|densit\w+|lesions?|shadow\w*)",
            r"nodularity",
            r"granulomas?",
        ),
        "Pleural Thickening": (
            r"pleural(?: \w+)? thickenings?",
            r"thickened pleura",
            r"thickening of the pleura",
            r"pleural plaques?",
            r"pleuro ?parenchymal thickenings?",
            r"apical cap(?:ping)?",
        ),
        "Pneumonia": (
            r"(?:broncho)?pneumoni(?:as?|c|tis)",
            r"(?:lung|chest|pulmonary) infection",
            r"infectious (?:process|infiltrates?)",
        ),
        "Pneumothorax": (r"(?:tension )?(?:hydro)?pneumothora(?:x|ces)",),
    },
    possible={
        "Cardiomegaly": (
            rf"{_HEART}{_GAP}(?:borderline|upper limits? of normal)(?: in size)?",
            r"borderline (?:heart|cardiac)(?: size| silhouette)?",
        ),
    },
    absent={
        "Cardiomegaly": (
            rf"{_HEART}{_GAP}(?:normal|unremarkable|not enlarged)(?: (?:limits|range|in size))?",
            rf"{_HEART}{_GAP}within (?:the )?(?:normal )?(?:limits|range)",
            rf"{_HEART}{_GAP}in the norm(?:al range)?",
            rf"(?:normal|unremarkable) (?:sized )?{_HEART}(?: size| silhouettes?| contours?)*",
        ),
        "Effusion": (
            rf"{_ANGLE}{_GAP}(?:sharp|clear|preserved|free)",
            rf"(?:sharp|clear|free) (?:\w+ ){{0,3}}{_ANGLE}",
        ),
    },
    normal=(
        r"(?:normal|unremarkable|clear) (?:\w+ )?(?:chest|lungs?|film|radiograph|x ?ray|study|"
        r"examination)(?: \w*graph)?",
        r"(?:chest|lungs?|lung fields|film|radiograph|x ?ray|study|cxr)(?:\W+\w+){0,5}?\W+"
        r"(?:normal|unremarkable|clear)",
        r"(?:no|without) (?:(?:evidence of|acute|active|significant|definite|other|gross|"
        r"radiographic|cardiopulmonary|intrathoracic|thoracic|pulmonary|lung|plain film|"
        r"pathological) )*"
        r"(?:abnormalit(?:y|ies)|disease|process|findings?|changes|alterations)",
        r"unremarkable|healthy",
        r"within normal limits",
        r"negative chest(?: x ?ray| radiograph)?",
    ),
    devices={
        "pacemaker": (
            r"(?:dual chamber |single chamber |cardiac |permanent )*"
            r"(?:pacemakers?|pacer|pacing)(?: leads?| wires?| device| generator)*",
            r"ppm",
        ),
        "defibrillator": (r"defibrillators?", r"aicd", r"icd"),
        "endotracheal tube": (
            r"endotracheal (?:tube|intubation)",
            r"et tube",
            r"tracheal (?:tube|intubation)",
            r"ett",
            r"intubat(?:ed|ion)",
        ),
        "tracheostomy tube": (r"tracheostomy(?: tube| cannula)?",),
        "feeding tube": (
            r"(?:naso|oro)gastric tubes?",
            r"(?:ng|og) tubes?",
            r"ngt|ogt|og",
            r"(?:enteric|feeding|dobbhoff|gastric) tubes?",
        ),
        "chest tube": (
            r"(?:chest|thoracostomy|pleural) (?:tubes?|drains?|catheters?)",
            r"pigtail(?: catheter| drain)?",
            r"intercostal drains?",
        ),
        "central line": (
            r"(?:central )?venous (?:catheters?|lines?|access)",
            r"central (?:lines?|catheters?)",
            r"(?:internal )?jugular(?: vein)? (?:\w+ )?(?:catheters?|lines?|cv[cl])",
            r"ijv? (?:catheters?|lines?)",
            r"cv[cl]s?|picc(?: line)?",
            r"subclavian (?:catheters?|lines?)",
            r"swan ganz(?: catheter)?",
            r"(?:dialysis|hemodialysis) catheters?",
        ),
        "port": (r"(?:chest |infusion )port", r"port a cath|portacath|mediport"),
        "valve prosthesis": (
            r"(?:prosthetic|artificial|mechanical) (?:\w+ ){0,2}valves?",
            r"valve (?:prosthesis|replacement)",
        ),
        "sternal wires": (r"(?:median )?(?:sternotomy|sternal) wires?", r"median sternotomy"),
        "surgical clips": (r"(?:surgical|mediastinal|axillary|\w*ectomy) clips", r"clips"),
        "electrodes": (r"(?:ecg|ekg|monitoring) (?:leads?|electrodes?|wires?|stickers?)",),
        "balloon pump": (r"(?:intra ?aortic )?balloon pump|iabp",),
    },
    other=(
        r"(?:subcutaneous|soft tissue|surgical|mediastinal) emphysema",
        r"(?:pericardial|joint|knee) effusions?",
        r"(?:macular|peripheral|leg|ankle|pedal|soft tissue|subcutaneous|limb|declining) edemas?",
        r"(?:respiratory|renal|kidney|liver|organ|ventilatory) failure",
        r"body mass|mass effect|muscle mass|lymphocyte mass",
        r"(?:inguinal|umbilical|ventral|disc|disk) herni(?:as?|ation)",
        r"(?:vertebral|compression|circulatory|rib) (?:body )?collapse",
        r"(?:heart|cardiac|breast|nipple) shadows?",
        r"pneumonia vaccin\w+",
        r"pneumo(?:mediastinum|peritoneum)",
        r"pseudo ?nodul\w+",
        r"mastectomy scar|surgical scar|skin scar",
        r"respiratory infection",
        r"(?:mediastinal|tracheal) (?:shift|deviation)(?: to (?:the )?(?:left|right))?",
        r"hilar (?:prominence|enlargement)|(?:lymph)?adenopath(?:y|ies)",
        r"air bronchograms?",
    ),
    places={
        "upper lobe": (rf"upper {_PART}",),
        "middle lobe": (rf"(?:middle|mid) {_PART}", r"midzones?"),
        "lower lobe": (rf"lower {_PART}",),
        "lingula": (r"lingula\w*",),
        "apex": (r"apex|apices|apical|biapical",),
        "base": (r"bases?|basal|basilar|bi ?basilar|bi ?basal|basally",),
        "perihilar": (r"(?:peri|para|infra|supra) ?hilar|hilar|hilum|hila",),
        "retrocardiac": (r"retro ?cardiac",),
        "costophrenic angle": (_ANGLE,),
        "mediastinum": (r"mediastin\w+",),
        "fissure": (r"fissur\w+",),
    },
)
