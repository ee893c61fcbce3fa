"""The fixed words of tables, figures and maps, in English and Chinese."""

from __future__ import annotations

_WORDS: dict[str, tuple[str, str]] = {
    "term": ("Term", "变量"),
    "variable": ("Variable", "变量"),
    "measure": ("Measure", "计量单位"),
    "outcome": ("Outcome", "被解释变量"),
    "model": ("Model", "模型"),
    "estimator": ("Estimator", "估计方法"),
    "estimate": ("Estimate", "估计值"),
    "std_error": ("Std. error", "标准误"),
    "statistic": ("t", "t 值"),
    "p_value": ("p", "p 值"),
    "ci": ("95% interval", "95% 区间"),
    "p_wild": ("p, wild bootstrap", "wild 自助法 p 值"),
    "ci_ar": ("95% Anderson–Rubin set", "95% Anderson–Rubin 集"),
    "ci_wild": ("95% wild bootstrap interval", "95% wild 自助法区间"),
    "p_permutation": ("p, permutation", "置换检验 p 值"),
    "sample": ("Sample", "样本"),
    "panel": ("Panel", "面板"),
    "n_obs": ("Observations", "观测值"),
    "n_units": ("Units", "单位数"),
    "n_periods": ("Periods", "时期数"),
    "period": ("Period", "时期"),
    "effects": ("Effects", "固定效应"),
    "inference": ("Inference", "推断"),
    "unit_effects": ("Unit effects", "单位固定效应"),
    "period_effects": ("Period effects", "时期固定效应"),
    "effects_of": ("Effects: {name}", "固定效应：{name}"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    "none": ("none", "无"),
    "contained": ("contained", "已包含"),
    "differenced": ("differenced", "差分消除"),
    "random": ("random", "随机"),
    "scorecard_axis": (
        "Effect in multiples of the benchmark δ",
        "效应（以基准 δ 为单位）",
    ),
    "weights": ("Weights", "权重"),
    "notes": ("Notes", "注"),
    "title": ("Title", "标题"),
    "group": ("Group", "组"),
    "r2_within": ("R² within", "组内 R²"),
    "r2": ("R²", "R²"),
    "r2_adjusted": ("R² adjusted", "调整 R²"),
    "r2_between": ("R² between", "组间 R²"),
    "r2_overall": ("R² overall", "总体 R²"),
    "rmse": ("Root mean squared error", "均方根误差"),
    "test_joint": ("All terms zero", "各项均为零"),
    "test_hausman": ("Hausman test", "Hausman 检验"),
    "test_f_effects": ("No unit effects (F)", "无单位效应（F）"),
    "test_breusch_pagan_lm": ("No unit effects (Breusch–Pagan LM)", "无单位效应（Breusch–Pagan LM）"),
    "test_mundlak": ("Effects uncorrelated with terms (Mundlak)", "效应与变量不相关（Mundlak）"),
    "test_serial_correlation": ("No serial correlation (Wooldridge)", "无序列相关（Wooldridge）"),
    "test_heteroskedasticity": ("Equal variances of units (modified Wald)", "单位间方差相等（修正 Wald）"),
    "test_breusch_pagan": ("Equal variances (Breusch–Pagan, Koenker)", "方差相等（Breusch–Pagan，Koenker）"),
    "test_pesaran_cd": ("Units uncorrelated (Pesaran CD)", "单位间不相关（Pesaran CD）"),
    "test_moran": ("Neighbours' residuals unrelated (Moran's I)", "邻近单位残差不相关（Moran's I）"),
    "diagnostic": ("Diagnostic", "诊断"),
    "singletons": ("Singletons left out", "剔除的单点观测"),
    "left_out": ("Terms left out as collinear", "因共线剔除的变量"),
    "variance_inflation": ("Largest variance inflation, net of effects", "最大方差膨胀（剔除效应后）"),
    "effective_units": ("Fewest effective units", "最少有效单位数"),
    "largest_leverage": ("Largest share of leverage", "最大杠杆份额"),
    "largest_dfbetas": ("Largest |DFBETAS|", "最大 |DFBETAS|"),
    "influence_note": (
        "Variance inflation, effective units and DFBETAS: the term in parentheses; leverage and DFBETAS: the unit. "
        "DFBETAS: change of a coefficient when the unit is left out, in jackknife standard errors. Effective units: "
        "how many equally informative units a coefficient is worth; with few of them errors clustered by unit (CR1) "
        "are too small.",
        "方差膨胀、有效单位数与 DFBETAS 括号内为变量，杠杆与 DFBETAS 括号内为单位。"
        "DFBETAS 为剔除该单位时系数的变化（以刀切标准误计）。"
        "有效单位数为系数相当于多少个信息量相同的单位；过少时按单位聚类的标准误（CR1）偏小。",
    ),
    "test_breusch_pagan_independence": (
        "Equations independent (Breusch–Pagan), rows independent",
        "方程间独立（Breusch–Pagan，假定各行独立）",
    ),
    "pair": ("Outcomes", "结果变量"),
    "correlation": ("Residual correlation", "残差相关"),
    "correlation_note": (
        "Correlation of what effects and the regressors of both equations leave of the two outcomes; positive: they "
        "rise together. Interval and p-value: studentised bootstrap of whole units, effects and coefficients estimated "
        "anew.",
        "剔除效应与两方程解释变量后两个结果变量剩余部分的相关系数，为正即同向变动。"
        "区间与 p 值：整体重抽单位的学生化自助法，每次重新估计效应与系数。",
    ),
    "residual_correlation": ("Residual correlation with {outcome}", "与{outcome}的残差相关"),
    "log_likelihood": ("Log-likelihood", "对数似然值"),
    "spatial_direct": ("Direct", "直接效应"),
    "spatial_indirect": ("Indirect, from neighbours", "间接效应（来自相邻单位）"),
    "spatial_total": ("Total", "总效应"),
    "spatial_dependence": ("Dependence on neighbours", "对相邻单位的依赖"),
    "spatial_lag": ("Neighbours' outcome (ρ)", "相邻单位的被解释变量（ρ）"),
    "spatial_error": ("Neighbours' errors (λ)", "相邻单位的误差（λ）"),
    "spatial_weights": ("Weights of neighbours", "空间权重"),
    "spatial_note": (
        "Direct: a unit's outcome when its own regressor rises by one, feedback through neighbours included. Total: "
        "when it rises by one everywhere. Indirect: the difference. Models without neighbours' outcome and regressors "
        "have their coefficients as direct effects.",
        "直接效应为本单位解释变量增加一单位时本单位的变化（含经相邻单位的反馈），总效应为各单位同时增加一单位时的变化，"
        "间接效应为两者之差。不含相邻单位被解释变量与解释变量的模型以系数为直接效应。",
    ),
    "spatial_draws": (
        " Errors and intervals of effects: {draws} draws from the distribution of the estimates, normal or t as in the "
        "first setting.",
        "效应的标准误与区间由估计量分布（正态或 t，同第一种推断）的 {draws} 次抽样得到。",
    ),
    "test_lm_lag": ("No dependence on neighbours' outcome (LM)", "无空间滞后（LM）"),
    "test_lm_error": ("No dependence on neighbours' errors (LM)", "无空间误差（LM）"),
    "test_lm_lag_robust": ("No neighbours' outcome, errors allowed (robust LM)", "无空间滞后（稳健 LM）"),
    "test_lm_error_robust": ("No neighbours' errors, outcome allowed (robust LM)", "无空间误差（稳健 LM）"),
    "test_lm_lag_clustered": ("No dependence on neighbours' outcome (LM, clustered)", "无空间滞后（LM，按单位聚类）"),
    "test_lm_error_clustered": ("No dependence on neighbours' errors (LM, clustered)", "无空间误差（LM，按单位聚类）"),
    "test_lr_independent": ("Spatial coefficient zero (LR)", "空间系数为零（LR）"),
    "test_lr_neighbours": ("Neighbours' regressors zero (LR)", "相邻单位解释变量系数为零（LR）"),
    "test_lr_lag": ("Durbin reduces to lag (LR)", "杜宾模型可简化为空间滞后（LR）"),
    "test_lr_error": ("Durbin error reduces to error (LR)", "杜宾误差模型可简化为空间误差（LR）"),
    "test_lag_clustered": ("Durbin reduces to lag (Wald, clustered)", "杜宾模型可简化为空间滞后（Wald，按单位聚类）"),
    "test_common_factor_clustered": (
        "Durbin reduces to error (Wald, clustered)",
        "杜宾模型可简化为空间误差（Wald，按单位聚类）",
    ),
    "test_common_factor": ("Durbin reduces to error (common factor)", "杜宾模型可简化为空间误差（公因子）"),
    "test_pretrend": ("No pre-trend", "无前期趋势"),
    "test_effective_f": ("Instruments weak (effective F)", "弱工具变量（有效 F）"),
    "test_sanderson_windmeijer": ("Instruments weak (smallest conditional F)", "弱工具变量（最小条件 F）"),
    "test_anderson_rubin": ("Instrumented terms zero (Anderson–Rubin)", "内生变量系数为零（Anderson–Rubin）"),
    "test_sargan": ("Instruments agree (Sargan)", "工具变量一致（Sargan）"),
    "test_basmann": ("Instruments agree (Basmann)", "工具变量一致（Basmann）"),
    "test_hansen_j": ("Instruments agree (Hansen J)", "工具变量一致（Hansen J）"),
    "test_endogeneity": ("No instruments needed (Wu–Hausman)", "无须工具变量（Wu–Hausman）"),
    "test_hansen": ("Hansen test", "Hansen 检验"),
    "test_slope_homogeneity": ("Slopes equal (Pesaran–Yamagata)", "斜率相同（Pesaran–Yamagata）"),
    "test_weighted_cd": ("Units uncorrelated (weighted CD)", "单位间不相关（加权 CD）"),
    "test_ar1": ("No AR(1)", "无一阶自相关"),
    "test_ar2": ("No AR(2)", "无二阶自相关"),
    "standardised": ("Per within-s.d.", "标准化估计值"),
    "policy_estimate": ("Estimate", "估计"),
    "policy_effect": ("Mean effect after the policy", "政策后的平均效应"),
    "policy_interval": ("95% interval", "95% 区间"),
    "policy_before": ("Before the policy", "政策之前"),
    "policy_pretrend": ("No pre-trend: p", "无前期趋势：p 值"),
    "policy_pretrend_permuted": ("No pre-trend: p over placebo treated sets", "无前期趋势：安慰剂处理组 p 值"),
    "policy_slope_fitted": ("Trend fitted to the leads, per year", "前期拟合趋势（每年）"),
    "policy_slope_found": ("Trend that the test finds in 80% of cases, per year", "检验有八成把握发现的趋势（每年）"),
    "policy_bias_hidden": ("Bias of the mean effect from such a trend", "该趋势造成的平均效应偏误"),
    "policy_placebo": ("Placebos", "安慰剂检验"),
    "policy_permuted": ("No effect: p over placebo treated sets", "无效应：安慰剂处理组 p 值"),
    "policy_placebo_range": ("Middle 95% of placebo treated sets", "安慰剂处理组估计的中间 95%"),
    "policy_placebo_dates": ("Range over placebo dates", "安慰剂时点估计的范围"),
    "policy_placebo_dates_found": ("Placebo dates with p < 0.05", "p < 0.05 的安慰剂时点"),
    "policy_bounds": ("Bounds if trends differed", "平行趋势不成立时的界"),
    "policy_magnitudes": ("Deviations as large as before", "偏离与政策前同样大"),
    "policy_smoothness": ("Trend bends half as much as before", "趋势弯折为政策前的一半"),
    "policy_breakdown": (
        "Deviations that hide the sign, in multiples of those before",
        "使符号无法判定的偏离（政策前的倍数）",
    ),
    "policy_left_out": ("Without one treated unit", "剔除一个处理单位"),
    "policy_left_out_range": ("Range", "范围"),
    "policy_left_out_most": ("Farthest", "变化最大"),
    "policy_without": ("Without {unit}", "剔除{unit}"),
    "bacon_comparison": ("Comparison", "比较"),
    "bacon_weight": ("Weight", "权重"),
    "bacon_n_treated": ("Units treated", "处理单位数"),
    "bacon_n_control": ("Units compared with", "对照单位数"),
    "bacon_untreated": ("Treated against untreated units", "处理单位与未处理单位比较"),
    "bacon_earlier": (
        "Earlier treated against units treated later, before these are",
        "较早处理与尚未处理的较晚处理单位比较",
    ),
    "bacon_later": ("Later treated against units treated before", "较晚处理与已经处理的单位比较"),
    "bacon_pair": ("{treated} against {control}", "{treated} 对 {control}"),
    "bacon_never": ("untreated", "未处理"),
    "bacon_total": ("Two-way effect", "双向固定效应估计"),
    "bacon_note": (
        "The two-way effect is the mean of these comparisons of two groups of units, each a difference in differences; "
        "weights grow with the groups and with the evenness of the periods before and after (Goodman-Bacon 2021). "
        "Years are those in which treatment starts. In comparisons with units treated before, what treatment goes on "
        "to change in these counts against the effect.",
        "双向固定效应估计是上述两组单位之间双重差分的加权平均；组越大、处理前后时期越均衡，权重越大"
        "（Goodman-Bacon 2021）。年份为处理开始的年份。"
        "与已经处理的单位比较时，处理在这些单位中继续引起的变化会从效应中扣除。",
    ),
    "policy_note": (
        "Trends and biases in the measure of the effect. Bounds after Rambachan and Roth (2023): the mean effect when "
        "deviations from parallel trends after the policy are as large as the largest before it, or when the "
        "difference in trends bends by half its largest bend before. Power of the pre-trend test after Roth (2022). An "
        "empty cell: the design does not give the figure.",
        "趋势与偏误的单位与效应相同。界依 Rambachan 与 Roth（2023）：政策后对平行趋势的偏离不大于政策前最大偏离，"
        "或趋势差异的弯折为政策前最大弯折的一半。前期趋势检验的功效依 Roth（2022）。空格表示该设计不给出此数。",
    ),
    "firm_check": ("Check", "检查"),
    "firm_number": ("The number", "估计"),
    "firm_estimate": ("Estimate", "估计值"),
    "firm_std_error": ("Std. error", "标准误"),
    "firm_power": ("Power", "检验功效"),
    "firm_detectable": ("Smallest effect found with 80% power", "八成功效下可发现的最小效应"),
    "firm_delta": ("Benchmark δ, the smallest effect that would matter", "基准 δ（有意义的最小效应）"),
    "firm_power_at_delta": ("Power to find δ", "发现 δ 的功效"),
    "firm_left_out": ("Who carries it", "由谁决定"),
    "firm_units": ("Range without one unit", "剔除一个单位后的范围"),
    "firm_most": ("Unit that moves it most", "影响最大的单位"),
    "firm_units_change_sign": ("Units whose absence turns the sign", "剔除后符号改变的单位数"),
    "firm_periods": ("Range without one period", "剔除一个时期后的范围"),
    "firm_unobserved": ("What is not observed", "未观测因素"),
    "firm_robustness_value": ("Robustness value: to zero", "稳健值：降为零"),
    "firm_robustness_value_5": ("Robustness value: to p = 0.05", "稳健值：降至 p = 0.05"),
    "firm_oster_delta": ("Oster: selection that gives zero", "Oster：使估计为零的选择比"),
    "firm_oster_estimate": ("Oster: estimate at equal selection", "Oster：同等选择下的估计"),
    "firm_reliability": ("Least reliability of the lever", "自变量的最低信度"),
    "firm_differs": ("Between groups", "组间差异"),
    "firm_equal_regions": ("Equal in all regions: p", "各地区相等：p 值"),
    "firm_note": (
        "Power: of the interval that decides a verdict, by simulation where it is a bootstrap's. "
        "Robustness value (Cinelli and Hazlett 2020): share of the remaining variance of lever and outcome that an "
        "unobserved confounder would have to explain. Oster (2019): how much stronger than the observed controls "
        "unobserved ones would have to act on the lever (R² at most 1.3 times the observed; negative: the observed "
        "controls move the estimate away from zero). Least reliability: below this share of true variation in the "
        "lever, noise alone would contradict the other figures. An empty cell: the design does not give the figure.",
        "功效：判断所依据区间的功效，自助法区间由模拟得到。"
        "稳健值（Cinelli 与 Hazlett 2020）：未观测混杂因素需解释的自变量与因变量剩余方差的比例。Oster（2019）："
        "未观测因素对自变量的作用需为已观测控制变量的多少倍（R² 不超过已观测的 1.3 倍；负值表示控制变量使估计远离零）。"
        "最低信度：自变量真实变动所占比例低于此值时，单靠测量误差就会与其他数据矛盾。空格表示该设计不给出此数。",
    ),
    "groups_region": ("By region", "按地区"),
    "groups_initial_outcome": ("By initial level of the outcome", "按因变量初始水平"),
    "groups_initial_lever": ("By initial level of the lever", "按自变量初始水平"),
    "groups_highest": ("Highest third", "最高三分之一"),
    "groups_middle": ("Middle third", "中间三分之一"),
    "groups_lowest": ("Lowest third", "最低三分之一"),
    "groups_equal": ("Equal in all groups: p", "各组相等：p 值"),
    "groups_note": (
        "Beneath each estimate its 95% interval (clustered by unit) and the p-value after Romano and Wolf, which "
        "counts all groups of the attribute as one family (wild cluster bootstrap). †: fewer than ten units, too few "
        "for errors clustered by unit.",
        "估计值下为 95% 区间（按单位聚类）与 Romano–Wolf p 值（同一属性的各组为一族，wild 聚类自助法）。"
        "†：不足十个单位，按单位聚类的标准误不可靠。",
    ),
    "n": ("N", "N"),
    "mean": ("Mean", "均值"),
    "median": ("Median", "中位数"),
    "sd": ("S.d.", "标准差"),
    "sd_within": ("S.d. within", "组内标准差"),
    "sd_between": ("S.d. between", "组间标准差"),
    "min": ("Min.", "最小值"),
    "max": ("Max.", "最大值"),
    "units": ("Units", "单位数"),
    "missing": ("Missing", "缺失"),
    "all": ("All", "全部"),
    "no_data": ("No data", "无数据"),
    "outside": ("Outside the sample", "样本之外"),
    "not_asked": ("Other, or no figures", "其他，或缺数据"),
    "support_note": (
        "†: beyond what any unit has been observed at; the model extrapolates.",
        "†：超出任何单位的观测范围，属外推。",
    ),
    "change": ("Change", "变化"),
    "change_low": ("Lower end, 95%", "95% 区间下限"),
    "change_high": ("Upper end, 95%", "95% 区间上限"),
    "beyond_support": (
        "Beyond what any unit has been observed at, so that the model extrapolates: {units}.",
        "超出任何单位的观测范围，属外推：{units}。",
    ),
    "cluster_HH": ("high among high", "高—高"),
    "cluster_HL": ("high among low", "高—低"),
    "cluster_none": ("no more than chance", "不显著"),
    "cluster_LH": ("low among high", "低—高"),
    "cluster_LL": ("low among low", "低—低"),
    "clusters_note": (
        "Local Moran's I ({weights}) against {draws} arrangements of the other units; coloured where the p-value, "
        "adjusted for as many tests as units (Benjamini and Hochberg), is below .05. Moran's I of all: {overall}.",
        "局部莫兰指数（{weights}），与其他单位的 {draws} 次随机排列比较；"
        "经 Benjamini–Hochberg 调整的 p 值低于 0.05 者着色。全局莫兰指数：{overall}。",
    ),
    "clusters_note_single": (
        "Local Moran's I ({weights}) against {draws} arrangements of the other units; coloured where its p-value is "
        "below .05, as that of one unit in twenty is by chance. Moran's I of all: {overall}.",
        "局部莫兰指数（{weights}），与其他单位的 {draws} 次随机排列比较；"
        "p 值低于 0.05 者着色（二十个中约有一个出于偶然）。全局莫兰指数：{overall}。",
    ),
    "marginal_effect": ("Marginal effect of {of}", "{of}的边际效应"),
    "specifications": ("Specifications, sorted by estimate", "模型设定（按估计值排序）"),
    "main_specification": ("Main specification", "主设定"),
    "specification_interval": ("95% interval", "95% 区间"),
    "specification_intervals": ("95% interval, median of neighbours", "95% 区间（相邻设定的中位数）"),
    "interval_band": ("95% band", "95% 置信带"),
    "reference": ("reference", "基期"),
    "event_time": ("Years since treatment began", "距政策实施的年数"),
    "zero_at": ("Estimate zero at {at}", "估计值零点：{at}"),
    "band_holds_zero": ("Not told from zero", "不能与零区分"),
    "one_unit_each": ("One unit each", "各单位"),
    "intervals_one": ("95% intervals: {outer}.", "95% 区间：{outer}。"),
    "each_part": ("Each part, {interval}", "各部分，{interval}"),
    "total": ("Total", "合计"),
    "theory": ("Theory", "理论曲线"),
    "all_units": ("All units", "全部单位"),
    "thin_thick": ("Thin: one unit each; thick: the group's mean.", "细线：各单位；粗线：组均值。"),
    "dimension_outcome": ("Outcome", "被解释变量"),
    "dimension_moderator": ("Moderator", "调节变量"),
    "dimension_controls": ("Controls", "控制变量"),
    "dimension_sample": ("Sample", "样本"),
    "dimension_lag": ("Lag", "滞后"),
    "dimension_effects": ("Effects", "固定效应"),
    "dimension_weights": ("Weights", "权重"),
    "unit": ("unit", "单位"),
    "interval_excludes_zero": ("95% interval", "95% 区间"),
    "above_zero": ("above zero", "大于零"),
    "below_zero": ("below zero", "小于零"),
    "curve_status": (
        "{shown} of {number} specifications: median {median}; {positive} above zero; "
        "95% interval above zero in {above}, below in {below}",
        "{number} 个设定中的 {shown} 个：中位数 {median}；{positive} 大于零；"
        "95% 区间大于零的占 {above}，小于零的占 {below}",
    ),
    "curve_one": (
        "No. {place} of {shown}: {estimate} [{low}, {high}]. {choices}",
        "第 {place} 个（共 {shown} 个）：{estimate} [{low}, {high}]。{choices}",
    ),
    "curve_point": (
        "Point at the curve, or use the arrow keys, to read a specification. The diamond is the main one.",
        "将指针移到曲线上或使用方向键可查看单个设定。菱形为主设定。",
    ),
    "curve_nothing": (
        "No specification is left: tick an option in each group.",
        "没有剩余设定：请在每组中至少勾选一项。",
    ),
    "curve_reset": ("Tick all", "全选"),
    "curve_medians": (
        "Beside each option: the median of the specifications shown that take it.",
        "各选项旁为所示设定中采用该选项者的中位数。",
    ),
    "target": ("Number", "数字"),
    "detectable": ("Detectable", "可检出效应"),
    "power_at_delta": ("Power at δ", "δ 处的功效"),
    "without_unit_min": ("Least without a unit", "剔除一单位的最小值"),
    "without_unit_max": ("Most without a unit", "剔除一单位的最大值"),
    "unit_most_influential": ("Most influential", "影响最大的单位"),
    "oster_delta": ("Oster's δ for zero", "Oster δ（归零）"),
    "robustness_value": ("Robustness value", "稳健值"),
    "robustness_value_5": ("Robustness value at 5%", "稳健值（5%）"),
    "equal_weights": ("equal", "等权"),
    "standardised_effect": ("S.d. of the outcome\nper within-s.d. of the lever", "结果标准差／杠杆组内标准差"),
    "power": ("Power", "检验功效"),
    "effect_in_delta": ("Effect in multiples of the benchmark δ", "效应（以基准 δ 为单位）"),
    "r2_with_lever": ("Partial R² of an omitted variable with the lever", "遗漏变量与杠杆的偏 R²"),
    "r2_with_outcome": ("Partial R² of an omitted variable with the outcome", "遗漏变量与结果的偏 R²"),
    "unexplained": ("Unexplained", "未解释部分"),
    "boundaries": (
        "Boundaries as in {file}; provenance not declared; not an endorsement.",
        "边界取自 {file}；来源未声明；不代表对边界的认可。",
    ),
    "classes_quantiles": (
        "Classes: quantiles of all periods shown",
        "分级：所示各时期合并的分位数",
    ),
    "classes_equal": ("Classes: equal widths over all periods shown", "分级：所示各时期合并的等距分级"),
    "classes_user": ("Classes: as declared", "分级：自定义"),
    "classes_quantiles_own": ("Classes: quantiles of each period by itself", "分级：各时期各自的分位数"),
    "classes_equal_own": ("Classes: equal widths for each period by itself", "分级：各时期各自的等距分级"),
    "list_separator": ("; ", "；"),
    "comma": (", ", "，"),
    "full_stop": (".", "。"),
    "colon": (": ", "："),
}


def word(key: str, language: str) -> str:
    """The word for `key` in `language` (``zh``: Chinese, anything else: English).

    Raises
    ------
    KeyError
        No such word: a programming mistake, not a user's.
    """
    english, chinese = _WORDS[key]
    return chinese if language == "zh" else english


def has_word(key: str) -> bool:
    """Whether `word` knows `key`."""
    return key in _WORDS


def sentence(parts: list[str] | tuple[str, ...], language: str) -> str:
    """`parts` joined to one sentence with the language's semicolons and full stop; empty parts fall away."""
    kept = [part.strip().rstrip(".。") for part in parts if part.strip()]
    if not kept:
        return ""
    return word("list_separator", language).join(kept) + word("full_stop", language)
