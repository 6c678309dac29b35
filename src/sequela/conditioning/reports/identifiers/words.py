"""Words: what is never taken for a name, because a finding could hang on it."""

import re

from sequela.conditioning.vocabulary import VOCABULARIES

_GRAMMAR = """
    a an and are as at be been but by can cannot could did do does for from had has have he her his
    i if in into is it its may might must no nor not of off on or our out over per she should since
    so than that the their them then there these they this those to under until up upon was we were
    what when where which while who whom whose will with within without would yes you your
"""
_PARTS_OF_REPORTS = """
    abstract addendum admission assessment background case chart clinical comment comments
    comparison complaint conclusion consistent date description diagnosis discharge discussion exam
    examination exposure final finding findings follow followup followed history image images
    imaging impression indication indications information initial interpretation interval note
    notes opinion order panel preliminary presentation prior procedure protocol reason
    recommendation recommendations report result results review section series serial status study
    studies summary technique view views
"""
_PEOPLE_AND_TIME = """
    age aged ago another baby boy child daily day days female gentleman girl hour hours infant lady
    male man men month months new newborn now old patient patients person previous previously
    recent recently same today tomorrow week weeks woman women year years yesterday young
"""
_ANATOMY = """
    abdomen abdominal aorta aortic apex apical apices arcade arm artery arteries atrium axilla
    axillary back basal base bases basilar bilateral bilaterally bone bones bony breast bronchi
    bronchial bronchus cardiac cardiomediastinal cardiothoracic carina catheter cavity central
    cervical chamber cheek chest clavicle clear costophrenic cup diaphragm disc disk distal dorsal
    ear epidermis esophagus eye eyes face field fields fissure foot forearm fovea foveal fundus
    hand heart hemidiaphragm hemithorax hila hilar hilum humerus inferior interstitial interstitium
    jugular jaw knee lateral leg lens lesion lesions limb line lines lingula lobe lobes lower lung
    lungs macula macular medial mediastinal mediastinum mid middle nail nasal neck nerve nose optic
    osseous parenchyma parenchymal peripheral perihilar pericardial pleura pleural posterior
    proximal pulmonary retina retinal rib ribs scalp shoulder side silhouette skeletal skin spine
    sternal sternum stomach subclavian superior temporal thoracic thorax tissue tissues trachea
    tracheal trunk upper vascular vein veins venous ventricle ventricular vertebra vertebral vessel
    vessels vitreous zone zones
"""
_SIGNS = """
    abnormal abnormalities abnormality absent acute adenopathy air airspace aneurysm appearance
    appears area areas asthma asymmetric asymmetry atypical benign bleeding blot blue blunted
    blunting border borders bronchiectasis bronchitis calcification calcified calcifications
    cancer carcinoma cardiovascular cavitation cavitary cellulitis change changes chronic
    confluent congestion congestive copd cotton cough covid crackles cyst cystic dark decreased
    degenerative demonstrate demonstrated demonstrates dense density deviation device devices
    diabetes diffuse dilated disease distension dot dots drusen dyspnea elevated elevation
    embolism emphysematous endotracheal enlarged enlargement equivocal erythema erythematous
    evidence exudate exudates failure fever fibrotic fluid focal focus fracture fractures glass
    glaucoma globules granuloma granulomas granulomatous greater ground haemorrhage haemorrhages
    hard hazy healed heavy hemorrhage hemorrhages hypertension hypertensive hyperinflated
    hyperinflation improved improvement improving inadequate increase increased infection
    infectious inflammation inflammatory intact interstitial intubated intubation irregular
    ischemia ischemic known large larger layering lead leads left less lesser likely limited
    linear low lucency lymph lymphoma malignancy malignant markings mass masses melanocytic
    metastasis metastases metastatic microaneurysm microaneurysms mild mildly minimal moderate
    moderately more multifocal multiple nasogastric negative neoplasm neovascularisation
    neovascularization nevi nevus nodular nodules none normal obesity obscured opacification
    opacified opacities opacity overload pacemaker pain patchy persistent pigment pigmented port
    portable positive possible possibly post probable probably progression prominent quality
    reduced resolution resolved resolving reticular retinopathy rheumatoid right rotated round
    rounded scar scarring seborrheic sepsis severe severely shadow shadows shift shortness small
    smoker soft spiculated stable stent sternotomy stroke subtle suggest suggesting suggestion
    suggestive suggests surgery surgical suspected suspicion suspicious symmetric tachycardia
    tension thickened thickening tube tubes tuberculosis tumor tumour typical unchanged
    unremarkable valve visible visualised visualized volume volumes well wires worse worsened
    worsening x-ray xray
"""
_METHODS = """
    ap chest ct cxr dermoscopic dermoscopy dr dslr echo ecg ekg film films fundoscopy icu contrast
    computed mri mr nicu npdr oct od os ou pa pacs pdr photo photograph photography picc plain
    radiograph radiographic radiographs radiology emergency department ward room scan tomography
    ultrasound us xr hospital clinic mm cm ml mg hu suv
"""
_LABELS = """
    accession account acc acct address dob email facility fax gender id institution location mrn
    nhs phone pid sex site ssn tel telephone uid
"""
_LISTS = (_LABELS, _GRAMMAR, _PARTS_OF_REPORTS, _PEOPLE_AND_TIME, _ANATOMY, _SIGNS, _METHODS)


def _words() -> tuple[str, ...]:
    words = {word for words in _LISTS for word in words.split()}
    for vocabulary in VOCABULARIES.values():
        words |= {word.lower() for word in vocabulary.words}
        words |= {word for name in vocabulary.synonyms for word in name.split()}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


# Put before the pattern of a word: what follows is none of these. Women's may be of a hospital.
NOT_A_NAME = rf"(?!(?i:{'|'.join(map(re.escape, _words()))})(?![^\W\d_]|['\u2019]s\b))"
